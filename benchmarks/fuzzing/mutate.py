"""Changes of a file: of its bytes for any file, and of its words, numbers and lines if it is text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

Mutation = Callable[[Random, bytes], bytes]

LARGEST = 1 << 20  # bytes; small, so that a long time shows a loop and not the size of the file
WORD = re.compile(rb"[^\s|,;:<>=\"'(){}\[\]]+")
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
EXTREME = (
    *("0", "-0", "-1", "1", "2", "255", "65536", "70000", "2147483647", "-2147483648", "4294967295", "1e5", "0x10"),
    *("9223372036854775807", "18446744073709551616", "99999999999999999999", "1e308", "-1e308", "1e-320", "1e999"),
    *("nan", "NaN", "inf", "-Infinity", "1_000", "٣", "²", "½", "01", "+1", "1.", ".5", "1,5", "1:2:3", "9" * 5000),
    *("true", "false", "null", "None", '""', "[]", "{}"),
)
ODD = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"\xe2\x80\xa8", b"\xc2\x85", b"\r", b"\r\n"),
    *(
        b"\t",
        b" ",
        b"\n\n",
        b'"',
        b"'",
        b"'''",
        b"|",
        b";;",
        b"#",
        b"\\",
        b"%",
        b"{",
        b"}",
        b"(",
        b")",
        b"[",
        b"<",
        b"&",
    ),
    *(
        b"../../../escaped",
        b"/tmp/sla-fuzz-escaped",
        b"C:\\x",
        b"file:///etc/passwd",
        b"~",
        b"CON",
        b"*",
        b"?",
        b"a/" * 99,
    ),
    *(
        b"<!ENTITY x 'y'>",
        b"&x;",
        b"<![CDATA[",
        b"]]>",
        b"-->",
        b"\x1b[31m",
        b"[bold]",
        b"[/bold]",
        b"x" * 5000,
        b"[" * 3000,
    ),
)
WHOLE_NUMBERS = (0, 1, -1, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**63 - 1, -(2**63))


def mutated(random: Random, data: bytes, seeds: Sequence[bytes], own: Sequence[Mutation]) -> bytes:
    """One of the seed files after one to four changes; if given, half are `own` changes, which know the format.

    These come first: the library that makes them, such as HDF5, may crash on a file that is damaged already.
    """
    changes = random.choice((1, 1, 1, 2, 2, 4))
    of_format = sum(random.random() < 0.5 for _ in range(changes)) if own else 0
    for number in range(changes):
        if number < of_format:
            data = random.choice(own)(random, data)
        elif random.random() < 0.1:
            data = _splice(random, data, random.choice(seeds))
        else:
            data = anywhere(random, data)
        data = data[:LARGEST]
    return data


def anywhere(random: Random, data: bytes) -> bytes:
    """A change without knowledge of the format, except whether it is text."""
    return random.choice(TEXT if _is_text(data) and random.random() < 0.8 else BYTES)(random, data)


def _is_text(data: bytes) -> bool:
    return (b"\0" not in data[:1000] and data[:1000].isascii()) or data[:3] == b"\xef\xbb\xbf"


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _flip(random: Random, data: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(random.choice((1, 1, 1, 4, 16))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _set(random: Random, data: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    changed[random.randrange(len(changed))] = random.choice((0, 1, 0x20, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(changed)


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randint(0, len(data))]


def _remove(random: Random, data: bytes) -> bytes:
    start, end = _part(random, data)
    return data[:start] + data[end:]


def _repeat(random: Random, data: bytes) -> bytes:
    start, end = _part(random, data)
    return data[:end] + data[start:end] * random.choice((1, 1, 2, 50)) + data[end:]


def _insert(random: Random, data: bytes) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice((*ODD, random.randbytes(random.randint(1, 9)))) + data[at:]


def _word(random: Random, data: bytes) -> bytes:
    """A whole number of 1 to 8 bytes, in either byte order, at any position."""
    size = random.choice((1, 2, 4, 8))
    number = random.choice(WHOLE_NUMBERS) % 256**size
    at = random.randint(0, max(0, len(data) - size))
    return data[:at] + number.to_bytes(size, random.choice(("little", "big"))) + data[at + size :]


def _part(random: Random, data: bytes) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.choice((1, 4, 16, 100, 1000)))


def _number(random: Random, data: bytes) -> bytes:
    return _replaced(random, data, NUMBER, lambda _: random.choice(EXTREME).encode())


def _token(random: Random, data: bytes) -> bytes:
    words = WORD.findall(data) or [b""]
    return _replaced(random, data, WORD, lambda _: random.choice((*ODD, random.choice(words), b"")))


def _longer(random: Random, data: bytes) -> bytes:
    return _replaced(random, data, WORD, lambda word: word * random.choice((2, 300)))


def _replaced(random: Random, data: bytes, pattern: re.Pattern[bytes], new: Callable[[bytes], bytes]) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return data
    match = random.choice(found)
    return data[: match.start()] + new(match[0]) + data[match.end() :]


def _lines(random: Random, data: bytes) -> bytes:
    """A line that is removed, repeated once or often, or swapped with another."""
    lines = data.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    what = random.randrange(4)
    if what == 0:
        del lines[one]
    elif what == 1:
        lines.insert(other, lines[one])
    elif what == 2:
        lines[other:other] = [lines[one]] * 200
    else:
        lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _coded(random: Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return random.choice((text.encode("utf-16"), text.encode("utf-8-sig"), text.replace("\n", "\r\n").encode()))


BYTES: Sequence[Mutation] = (_flip, _flip, _set, _cut, _remove, _repeat, _insert, _word, _word)
TEXT: Sequence[Mutation] = (*(_number, _token) * 3, _longer, _lines, _lines, _coded, _insert, _remove, _cut, _flip)
