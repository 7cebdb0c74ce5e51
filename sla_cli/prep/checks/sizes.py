"""Are all clips there? Compares split sizes with the published ones, and reports clips missing in the receipt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sla_cli.core.counted import counted
from sla_cli.errors import some
from sla_cli.prep.checks.finding import Finding
from sla_cli.prep.corpora import corpora
from sla_cli.prep.left_out import WAS_LEFT_OUT
from sla_cli.store.clips import Split

AGAIN = "run the same `sla prep` again"


def published_counts(corpus: str, division: str) -> Mapping[str, int]:
    """Split to number of clips as published; empty if none are."""
    return corpora()[corpus].counts.get(division, {}) if corpus in corpora() else {}


def check_frame_totals(splits: Mapping[str, Split]) -> Iterator[Finding]:
    """Compare the frames of each complete split with the published number, if there is one."""
    for split, clips in splits.items():
        if len(clips) != published_counts(clips.corpus, clips.division).get(split):
            continue  # check_sizes says what is missing
        there, wanted = sum(clips.lengths), corpora()[clips.corpus].frames.get(clips.division, {}).get(split)
        if wanted is not None and there != wanted:
            message = f"{counted(there, 'frame')}, {wanted:,} are published"
            yield Finding("frames", split, message, f"Was the copy of the frames cut off? Copy them again and {AGAIN}.")


def check_sizes(
    splits: Mapping[str, Split], published: Mapping[str, int], results: Mapping[str, Any]
) -> Iterator[Finding]:
    """Compare with the published counts and with the receipt.

    Args:
        published: of each split.
        results: of the store's receipt: `divisions` with their `clips` a split; `skipped`, `failed` and `incomplete`
            clips with their reasons.
    """
    skipped, failed = results.get("skipped", {}), results.get("failed", {})
    if skipped:
        reasons = "; ".join(dict.fromkeys(skipped.values()))
        message = f"{counted(len(skipped), 'clip was', 'clips were')} left out on purpose: {reasons[:200]}"
        yield Finding("sizes", "", message, clips=tuple(skipped), problem=False)
    if failed:
        message = f"the frames of {counted(len(failed), 'clip')} could not be read, so they are missing"
        yield Finding("sizes", "", message, f"Its receipt names the files: fix them and {AGAIN}.", tuple(failed))
    if incomplete := results.get("incomplete", {}):
        message = f"{counted(len(incomplete), 'clip')} with frames missing: {some(incomplete.values(), 1)}"
        yield Finding("frames", "", message, f"Copy their frames again and {AGAIN}.", tuple(incomplete))
    division = next((clips.division for clips in splits.values()), "")
    for split, wrote in results.get("divisions", {}).get(division, {}).get("clips", {}).items():
        there = len(splits.get(split, ()))
        if there != wrote:
            message = f"{counted(there, 'clip')}, but {wrote:,} were written"
            yield Finding(
                "sizes",
                split,
                message,
                "Was the division edited? If a file was replaced or lost, run the command that made the store again, "
                "with --force.",
            )
    left = sum(reason.endswith(WAS_LEFT_OUT) for reason in skipped.values())
    yield from _against_published(splits, published, len(skipped.keys() | failed.keys()), left)


def _against_published(
    splits: Mapping[str, Split], published: Mapping[str, int], explained: int, left: int
) -> Iterator[Finding]:
    """The receipt lists missing clips without their split, so they are compared with the sum over all splits.

    Args:
        explained: number of missing clips that the receipt lists.
        left: number of those of signers who were left out: only these may be a whole split.
    """
    missing = {split: count - len(splits.get(split, ())) for split, count in published.items()}
    unexplained = sum(max(0, count) for split, count in missing.items() if split in splits) > explained
    whole = sum(count for split, count in missing.items() if split not in splits)
    more = whole > left or sum(max(0, count) for count in missing.values()) > explained
    for split, count in published.items():
        if split not in splits:
            if not more:
                continue
            message = f"the {split} split is missing (published: {counted(count, 'clip')})"
            yield Finding("sizes", split, message, f"Give prep the whole release: {AGAIN}.")
        elif missing[split] < 0:
            message = f"{counted(len(splits[split]), 'clip')}, but only {count:,} are published"
            yield Finding("sizes", split, message, "Do the tables contain clips of another release, or your own clips?")
        elif missing[split] and unexplained:
            message = f"{len(splits[split]):,} of the {counted(count, 'clip')} that are published"
            hint = f"The tables of the source list too few: download them again and {AGAIN}."
            yield Finding("sizes", split, message, hint)
