"""The operations of the page, each as the edits of an ELAN file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from sla_cli.annotate.content import DONE, Content, Entry
from sla_cli.annotate.decision import Decision, Kind, now, parse_decision
from sla_cli.annotate.scope import Scope
from sla_cli.annotation.eaf_change import TierChange, change_edits, new_ids
from sla_cli.annotation.eaf_document import Edit
from sla_cli.annotation.timed import Interval
from sla_cli.errors import SlaError


class Add(Struct, tag="add"):
    """A new annotation."""

    tier: str
    start: int
    end: int
    text: str


class SetText(Struct, tag="text"):
    """Another text."""

    tier: str
    id: str
    text: str


class SetTimes(Struct, tag="times"):
    """Other times."""

    tier: str
    id: str
    start: int
    end: int


class Delete(Struct, tag="delete"):
    """No annotation; the suggestion that it came from is rejected."""

    tier: str
    id: str


class Split(Struct, tag="split"):
    """Two annotations with the same text that meet at a time."""

    tier: str
    id: str
    at: int


class Join(Struct, tag="join"):
    """One annotation, to the end of the next one on the tier."""

    tier: str
    id: str


class Accept(Struct, tag="accept"):
    """An annotation like a suggestion, or with another text or times, on a tier of glosses."""

    id: str
    tier: str
    text: str
    start: int
    end: int


class Reject(Struct, tag="reject"):
    """A suggestion that is wrong."""

    id: str


class Done(Struct, tag="done"):
    """Whether the recording is done."""

    done: bool


class Signer(Struct, tag="signer"):
    """Who signs in the recording: the participant of the tiers that may be edited."""

    name: str


class Undo(Struct, tag="undo"):
    """The last operation is taken back."""


Operation = Add | SetText | SetTimes | Delete | Split | Join | Accept | Reject | Done | Signer


def operation_edits(content: Content, scope: Scope, operation: Operation) -> tuple[list[Edit], str]:
    """The edits of an operation, and what it did in a few words.

    Raises:
        SlaError: it names a tier or an annotation that it may not change, or as `change_edits`.
    """
    draft = _Draft(content, scope)
    said = _apply(draft, operation)
    return change_edits(content.document, content.all_tiers, draft.changes(), draft.properties), said


def _apply(draft: _Draft, operation: Operation) -> str:
    match operation:
        case Add(tier, start, end, text):
            draft.add(tier, Interval(start, end, _checked(text)), "new")
            return f"added {text}"
        case SetText(tier, name, text):
            old = draft.entry(tier, name)
            draft.change(tier, name, old.interval._replace(text=_checked(text)))
            return f"changed {old.text} to {text}"
        case SetTimes(tier, name, start, end):
            old = draft.entry(tier, name)
            draft.change(tier, name, Interval(start, end, old.text))
            return f"moved {old.text}"
        case Delete(tier, name):
            old = draft.entry(tier, name)
            draft.delete(tier, name)
            return f"deleted {old.text}"
        case Split(tier, name, at):
            old = draft.entry(tier, name)
            if not old.start < at < old.end:
                raise SlaError(f"{at} ms is not within {old.text or 'it'}", "Go to a time within it.")
            draft.change(tier, name, old.interval._replace(end=at))
            draft.add(tier, old.interval._replace(start=at), "new")
            return f"split {old.text}"
        case Join(tier, name):
            old = draft.entry(tier, name)
            after, following = draft.following(tier, old)
            draft.delete(tier, after)
            draft.change(tier, name, Interval(old.start, following.end, old.text or following.text))
            return f"joined {old.text} with {following.text}"
        case Accept(name, tier, text, start, end):
            return draft.accept(name, tier, Interval(start, end, _checked(text)))
        case Reject(name):
            old = draft.suggestion(name)
            draft.decide(draft.scope.suggestions, name, "rejected")
            return f"rejected {old.text}"
        case Done(done):
            said = "done" if done else "open"
            draft.properties[DONE] = f"{said} {draft.scope.annotator} {now()}"
            return f"recording is {said}"
        case Signer(name):
            draft.signer = _checked(name, "a person needs a name", "Type who signs, such as a code of your project.")
            draft.named = True
            return f"{draft.signer} signs"
        case _:
            assert_never(operation)


def _checked(text: str, fault: str = "an annotation needs a text", hint: str = "Type a gloss.") -> str:
    if not (words := " ".join(text.split())):
        raise SlaError(fault, hint)
    return words


def _source_of(entry: Entry) -> Interval | None:
    """What the suggestion says from which an annotation came; None if it came from none."""
    decision = parse_decision(entry.decision)
    if decision is None or decision.kind not in ("accepted", "changed"):
        return None
    return decision.before or entry.interval


def _kind_of(entry: Entry) -> str:
    return entry.decision.partition(" ")[0]


class _Draft:
    """Changes of a file that belong together."""

    def __init__(self, content: Content, scope: Scope) -> None:
        self.content, self.scope = content, scope
        self.properties: dict[str, str] = {}
        self.signer, self.named = content.signer, False
        self._when, self._ids = now(), new_ids(content.document)
        self._put: defaultdict[str, dict[str, Interval]] = defaultdict(dict)
        self._gone: defaultdict[str, set[str]] = defaultdict(set)
        self._decided: defaultdict[str, dict[str, Decision]] = defaultdict(dict)

    def entry(self, tier: str, name: str) -> Entry:
        """An annotation that may change."""
        self._check(tier)
        return self._found(tier, name)

    def suggestion(self, name: str) -> Entry:
        """A suggestion that has not become an annotation."""
        entry = self._found(self.scope.suggestions, name)
        decision = parse_decision(entry.decision)
        if entry.decision and (decision is None or decision.kind != "rejected"):
            raise SlaError(f"{entry.text} is decided: {entry.decision}", "Change the gloss, or delete it.")
        return entry

    def following(self, tier: str, entry: Entry) -> tuple[str, Entry]:
        """The next annotation of a tier."""
        later = [(one.start, name, one) for name, one in self.content.tiers[tier].items() if one.start >= entry.end]
        if not later:
            raise SlaError(f"{entry.text or 'it'} is the last annotation of tier {tier}", "Choose the one before it.")
        _, name, found = min(later, key=lambda one: one[:2])
        return name, found

    def add(self, tier: str, interval: Interval, kind: Kind, before: Interval | None = None) -> None:
        self._check(tier)
        name = next(self._ids)
        self._put[tier][name] = interval
        self.decide(tier, name, kind, before)

    def accept(self, name: str, tier: str, interval: Interval) -> str:
        old = self.suggestion(name)
        if tier not in self.scope.glosses:
            raise SlaError(f"suggestions are not accepted on tier {tier}", f"Use {self.scope.glosses[0]}.")
        kind: Kind = "accepted" if interval == old.interval else "changed"
        self.add(tier, interval, kind, None if kind == "accepted" else old.interval)
        self.decide(self.scope.suggestions, name, kind)
        return f"accepted {old.text}" if interval.text == old.text else f"changed {old.text} to {interval.text}"

    def change(self, tier: str, name: str, interval: Interval) -> None:
        """Another text or times; what it was before that is kept, and the suggestion that it came from is changed."""
        old = self.entry(tier, name)
        self._put[tier][name] = interval
        decision = parse_decision(old.decision)
        if decision is not None and decision.kind == "new":
            self.decide(tier, name, "new")
            return
        before = decision.before if decision is not None and decision.before is not None else old.interval
        self.decide(tier, name, "changed", before)
        self._decide_source(tier, name, "changed")

    def delete(self, tier: str, name: str) -> None:
        self._decide_source(tier, name, "rejected")
        self._gone[tier].add(name)

    def decide(self, tier: str, name: str, kind: Kind, before: Interval | None = None) -> None:
        self._decided[tier][name] = Decision(kind, self.scope.annotator, self._when, before)

    def changes(self) -> list[TierChange]:
        """What becomes of each tier, a tier before that of its decisions."""
        found = []
        for tier in self.scope.decided:
            named = self.signer if self.named and tier in self._with_signer else ""
            if self._put[tier] or self._gone[tier] or named:
                plan, gone = self.scope.plan(tier, self.signer), frozenset(self._gone[tier])
                found.append(TierChange(plan, self._put[tier], {}, gone, named))
            known = self.content.decisions[tier]
            ids = {name: known.get(name) or next(self._ids) for name in self._decided[tier]}
            lines = {ids[name]: Interval(0, 0, str(one)) for name, one in self._decided[tier].items()}
            about = {own: name for name, own in ids.items()}
            undecided = frozenset(known[name] for name in self._gone[tier] if name in known)
            if lines or undecided:
                found.append(TierChange(self.scope.decision_plan(tier), lines, about, undecided))
        return found

    @property
    def _with_signer(self) -> Sequence[str]:
        """The tiers that say who signs: those that may be edited; the first one is made if there is none."""
        return [tier for tier in self.scope.edited if tier in self.content.tiers] or self.scope.glosses[:1]

    def _decide_source(self, tier: str, name: str, kind: Kind) -> None:
        """Decide about the suggestion from which an annotation came, if it is there, and if no other one came from it.

        A gloss of somebody else may have had the same text and times before it was changed. The one that came from the
        suggestion has the same kind of decision.
        """
        source = _source_of(self.entry(tier, name))
        if source is None:
            return
        others = {
            _kind_of(entry)
            for lane in self.scope.glosses
            for other, entry in self.content.tiers.get(lane, {}).items()
            if (lane, other) != (tier, name) and _source_of(entry) == source
        }
        for suggestion, entry in self.content.tiers.get(self.scope.suggestions, {}).items():
            if entry.interval == source and entry.decision and _kind_of(entry) not in others:
                self.decide(self.scope.suggestions, suggestion, kind)

    def _check(self, tier: str) -> None:
        if tier not in self.scope.edited:
            raise SlaError(f"tier {tier} is not one that may be edited", "Give it with --tier.")

    def _found(self, tier: str, name: str) -> Entry:
        entry = self.content.tiers.get(tier, {}).get(name)
        if entry is None:
            raise SlaError(f"tier {tier} has no annotation {name}", "Load the page again.")
        return entry
