"""The two recognisers and their parameters, once: for the descriptor, the help, and the call that ELAN makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sla_cli.core.endings import VIDEOS

Element = Literal["input", "output", "numparam", "textparam"]


@dataclass(frozen=True)
class Parameter:
    """A parameter as ELAN knows it.

    Attributes:
        element: its kind, an element of the descriptor.
        info: what ELAN shows beside it.
        attributes: other attributes of the element; `default` is the value without a choice.
        advanced: whether ELAN hides it until somebody asks for more.
    """

    name: str
    element: Element
    info: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    advanced: bool = False

    def with_default(self, value: str) -> Parameter:
        """The same parameter with another default."""
        return replace(self, attributes=dict(self.attributes) | {"default": value})


@dataclass(frozen=True)
class ElanRecognizer:
    """A recogniser in ELAN's list.

    Attributes:
        name: that of the command which ELAN starts, `sla elan NAME`; its folder is `sla-NAME`.
        title: its name in ELAN's list.
        purpose: what it does, for the help.
    """

    name: str
    title: str
    purpose: str
    parameters: tuple[Parameter, ...]

    @property
    def folder(self) -> str:
        """Name of the folder that ELAN loads."""
        return f"sla-{self.name}"

    @property
    def descriptor(self) -> str:
        """Name of the file by which ELAN finds it."""
        return f"{self.folder}.cmdi"


KINDS_OF_VIDEO = {"type": "video", "optional": "false", "mimetypes": " ".join(["video/*", *sorted({*VIDEOS.values()})])}
TIER = {"type": "tier", "mimetypes": "text/xml"}
VIDEO = Parameter("video", "input", "Video", KINDS_OF_VIDEO)
RUN = Parameter("run", "textparam", "Run or model: a folder")
PREFIX = Parameter("tier", "textparam", "Name of the new tier, without spaces", {"default": "SIGN"})
CURVE = Parameter(
    "curve", "output", "Confidence as a curve (CSV)", {"type": "csvtimeseries", "optional": "true"}, advanced=True
)
RECOGNIZERS = (
    ElanRecognizer(
        "recognize",
        "sla: recognise signs",
        "Recognises the signs of the video, or of the parts that have an annotation on a tier, and gives a tier of "
        "glosses and a tier with the confidence of each.",
        (
            VIDEO,
            Parameter("parts", "input", "Only where this tier has annotations (optional)", TIER | {"optional": "true"}),
            RUN,
            PREFIX,
            Parameter("sentences", "textparam", "Also a tier of sentences", {"convoc": "no yes", "default": "no"}),
            Parameter(
                "min_confidence",
                "numparam",
                "Write ? for a gloss that is less sure than this",
                {"type": "float", "min": "0.0", "max": "1.0", "default": "0.0"},
            ),
            Parameter("lm", "textparam", "Language model of glosses: a file (optional)", advanced=True),
            Parameter(
                "beam",
                "numparam",
                "Beam width; 1 is the fastest, 0 as tuned",
                {"type": "int", "min": "0", "max": "200", "default": "0"},
                advanced=True,
            ),
            Parameter("glosses", "output", "Recognised glosses", TIER | {"optional": "false"}),
            CURVE,
        ),
    ),
    ElanRecognizer(
        "align",
        "sla: align glosses",
        "Finds where each gloss is signed. An annotation of the given tier holds glosses, separated by spaces, and "
        "says roughly where they are: from its start to its end. Annotations that touch each other are one passage, "
        "within which their own borders do not count.",
        (
            VIDEO,
            Parameter("given", "input", "Tier with the glosses", TIER | {"optional": "false"}),
            RUN,
            PREFIX.with_default("SIGN-aligned"),
            Parameter("glosses", "output", "Aligned glosses", TIER | {"optional": "false"}),
            CURVE,
        ),
    ),
)
