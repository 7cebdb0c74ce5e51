"""The files of which a local page consists, from the package."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE = "page.html"


def assets(*rooms: str) -> Callable[[Request], Response]:
    """Answers requests for `page.html`, or for the file that the path parameter `name` names.

    Args:
        rooms: folders of the package, such as `annotate/page`; only files of `TYPES` directly in them are served.
    """
    served = {one.name: one for room in rooms for one in _files(room)}

    def answer(request: Request) -> Response:
        name = request.path_params.get("name", PAGE)
        if name not in served:
            raise HTTPException(404)
        return Response(served[name].read_bytes(), media_type=TYPES[name[name.rfind(".") :]])

    return answer


def _files(room: str) -> list[Traversable]:
    folder = files("sla_cli").joinpath(room)
    return [one for one in folder.iterdir() if one.name.endswith(tuple(TYPES))]
