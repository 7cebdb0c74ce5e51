"""Annotation files of given content."""

from __future__ import annotations

from pathlib import Path

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import DEFAULT, Layout
from sla_cli.core.annotation import Annotation
from sla_cli.system.atomic import write_text


def write_annotation(path: Path, kind: str, annotation: Annotation, layout: Layout = DEFAULT) -> None:
    write_text(path, annotation_text(kind, annotation, layout, path.parent))
