from sla_cli.annotation.layout import Layout as Layout
from sla_cli.core.annotation import Sentence as Sentence
from sla_cli.core.annotation import Sign as Sign
from sla_cli.core.result import Score as Score
from sla_cli.errors import SlaError as SlaError
from sla_cli.score.wer import wer as wer
from sla_cli.store.store import Store as Store
from sla_cli.transcribe.events import Final as Final
from sla_cli.transcribe.events import Partial as Partial
from sla_cli.transcribe.events import SentenceEnd as SentenceEnd
from sla_cli.transcribe.recognizer import Recognizer as Recognizer
from sla_cli.transcribe.transcript import Transcript as Transcript

__version__: str
OPENCV_WAS_FIRST: bool
__all__ = [
    "Final",
    "Layout",
    "Partial",
    "Recognizer",
    "Score",
    "Sentence",
    "SentenceEnd",
    "Sign",
    "SlaError",
    "Store",
    "Transcript",
    "__version__",
    "wer",
]
