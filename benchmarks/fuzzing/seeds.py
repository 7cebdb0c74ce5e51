"""Small seed files: made here, and the first lines of real ones if the shared material exists."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from sla_cli.prep.begun import Begun
from sla_cli.prep.request import PrepRequest

SHARED = Path(__file__).parents[3] / "shared"
CLIPS = ("S000001_P0000_T00", "S000002_P0004_T00", "S000003_P0008_T00", "S000004_P0009_T00")
SPLITS = ("train", "dev", "test")

CTM = "clip-1 1 0.00 0.40 HEUTE 0.98\nclip-1 1 0.40 0.24 REGEN\nclip-2 1 000.120 1.5 SÜD 0.5\n;; comment\n"
STM = "clip-1 1 Signer01 0.0 1.79 <O> HEUTE REGEN\nclip-2 1 Signer02 0.0 2.1 SÜD NULL\nclip-3 1 x 0 1\n"
TRN = "HEUTE REGEN (clip-1)\n (clip-2)\nSÜD  NULL (clip-3)\n"
CSV = 'id,gloss\nclip-1,HEUTE REGEN\n"clip,2","S""UD"\nclip-3,\n'
PLAIN = "clip-1\tHEUTE REGEN\nclip-2\t\nclip-3\tSÜD NULL\n"
JSONL = (
    '{"id": "clip-1", "glosses": ["A", "B"], "score": -1.5, "spans": [[0, 4], [4, 8]], "confidence": [0.5, 1.0],'
    ' "nbest": [{"glosses": ["A", "B"], "score": -1.5}, {"glosses": ["A"], "score": -3}]}\n'
    '{"id": "clip-2", "glosses": []}\n'
)
HYPOTHESES = (
    "# sla-hypotheses 1\n# corpus phoenix2014\n# split dev\n# profile phoenix2014\n"
    "id\trank\tscore\tfps\tspans\tconfidence\tglosses\n"
    "clip-1\t1\t-4.25\t25.0\t0-12 16-24\t0.98 0.71\tHEUTE REGEN\nclip-1\t2\t-6.5\t25.0\t0-12\t0.98\tHEUTE\n"
    "clip-2\t1\t-1.0\t0.0\t\t\t\n"
)
ARPA = (
    "\\data\\\nngram 1=5\nngram 2=3\n\n\\1-grams:\n-1.0\t<unk>\t0\n-99\t<s>\t-0.3\n-0.7\t</s>\n-0.5\tNORD\t-0.2\n"
    "-0.6\tREGEN\t-0.1\n\n\\2-grams:\n-0.4\t<s> NORD\n-0.3\tNORD REGEN\n-0.2\tREGEN </s>\n\n\\end\\\n"
)
SRT = "1\n00:00:00,400 --> 00:00:01,280\nHEUTE REGEN\n\n2\n00:00:02,000 --> 00:00:03,000\n<i>SÜD</i>\nNULL\n"
VTT = (
    "WEBVTT - title\n\nNOTE made\n\nSTYLE\n::cue { color: red }\n\nid 1\n00:00.400 --> 00:01.280 align:start\n"
    "HEUTE <c.x>REGEN</c>\n\n01:00:02.000 --> 01:00:03.000\n<v Anna>SÜD &amp; NULL\n"
)
TEXTGRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 3\ntiers? <exists>\nsize = 2\nitem []:\n'
    '    item [1]:\n        class = "IntervalTier"\n        name = "SIGN"\n        xmin = 0\n        xmax = 3\n'
    "        intervals: size = 2\n        intervals [1]:\n            xmin = 0\n            xmax = 1.5\n"
    '            text = "HEUTE ""X"""\n        intervals [2]:\n            xmin = 1.5\n            xmax = 3\n'
    '            text = ""\n    item [2]:\n        class = "TextTier"\n        name = "points"\n        xmin = 0\n'
    '        xmax = 3\n        points: size = 1\n        points [1]:\n            number = 1\n            mark = "p"\n'
)
SHORT_TEXTGRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n3\n<exists>\n1\n"IntervalTier"\n"SIGN"\n0\n3\n2\n'
    '0\n1.5\n"HEUTE"\n1.5\n3\n""\n'
)
EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="a" DATE="2020-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///v.mp4" RELATIVE_MEDIA_URL="./v.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="40"/>
<PROPERTY NAME="lastUsedAnnotationId">3</PROPERTY></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="900"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="1500"/></TIME_ORDER>
<TIER TIER_ID="RH-IDgloss" LINGUISTIC_TYPE_REF="gloss" PARTICIPANT="P1" ANNOTATOR="x">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>HEUTE &amp; X</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>REGEN</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="child" LINGUISTIC_TYPE_REF="ref" PARENT_REF="RH-IDgloss">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a1"><ANNOTATION_VALUE>N</ANNOTATION_VALUE>
</REF_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="gloss" TIME_ALIGNABLE="true" GRAPHIC_REFERENCES="false"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="ref" TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Association"/>
<CONSTRAINT STEREOTYPE="Symbolic_Association" DESCRIPTION="1-1"/>
<CONTROLLED_VOCABULARY CV_ID="cv"><DESCRIPTION LANG_REF="und"/></CONTROLLED_VOCABULARY>
</ANNOTATION_DOCUMENT>
"""
TABLE = (
    "video,id,gloss,split,signer,start,end,fps,translation\n"
    'v/a.mp4,one,HEUTE REGEN,train,S1,0,"1,5",,"Heute ""Regen"""\nv/b,two,SÜD,dev,S2,,,25,\n'
    "v/a.mp4,three,NULL,test,S1,1.5,0:00:02.5,,x\n"
)

CALL = """<?xml version="1.0" encoding="UTF-8"?>
<PARAM xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<param name="InvocationContext">sla-recognize 2026-11-29 10:00:00+0100</param>
<param name="video">v.mp4</param><param name="run">r</param><param name="tier">SIGN</param>
<param name="min_confidence">0.25</param><param name="beam">20.0</param><param name="glosses">g.xml</param>
</PARAM>
"""
SPANS = """<TIERS><TIER columns="A B"><span start="0.5" end="1.25E0"><v>HAUS ROT</v><v>x</v></span>
<span start="1200" end="1560"><v/><v>&amp;</v></span></TIER></TIERS>
"""


def head(path: str, lines: int = 40) -> list[bytes]:
    """The first lines of a file of the shared material, if it exists."""
    file = SHARED / path
    return [b"".join(file.read_bytes().splitlines(keepends=True)[:lines])] if file.is_file() else []


def whole(path: str, most: int = 100_000) -> list[bytes]:
    """A file of the shared material, if it exists and is small."""
    file = SHARED / path
    return [file.read_bytes()] if file.is_file() and file.stat().st_size <= most else []


def phoenix(name: str) -> tuple[str, Mapping[str, bytes], Sequence[bytes]]:
    """For 2014 or 2014-T: path of the table that is changed, the files of a corpus, and tables."""
    if name == "phoenix2014":
        root, table = "phoenix-2014-multisigner", "annotations/manual/{}.corpus.csv"
        row = "c1|c1/1/*.png|Signer01|HEUTE  REGEN loc-NORD \nc2|c2/1/*.png|Signer02|__ON__ SÜD\n"
        header = "id|folder|signer|annotation\n"
    else:
        root, table = "PHOENIX-2014-T", "annotations/manual/PHOENIX-2014-T.{}.corpus.csv"
        row = "c1|c1/1/*.png|-1|-1|Signer08|__ON__  NULL GRAD |am  tag null grad \nc2|c2/*.png|-1|-1|S1|A|b\n"
        header = "name|video|start|end|speaker|orth|translation\n"
    files = {f"{root}/{table.format(split)}": (header + row).encode() for split in SPLITS}
    frames = f"{root}/features/fullFrame-210x260px"
    files |= {f"{frames}/{split}/{clip}/1/images0001.png": b"" for split in SPLITS for clip in ("c1", "c2")}
    real = Path(table).name.format("train")
    return f"{root}/{table.format('train')}", files, [(header + row).encode(), *head(f"data/{name}/{real}")]


def csl_daily() -> tuple[Mapping[str, bytes], bytes, bytes, bytes]:
    """The files of a corpus, its table of splits, its table of labels, and the pickle that can replace the latter."""
    rows = [f"{n:06}|{name}|52|你们 好 好|你 们 好 。|你们 好 。|r a w" for n, name in enumerate(CLIPS)]
    labels = "\ufeff" + "\r\n".join(["index|name|length|gloss|char|word|postag", *rows])
    splits = "\r\n".join(["name|split", *(f"{c}|{s}" for c, s in zip(CLIPS, (*SPLITS, "train"), strict=True))])
    words = {"label_gloss": ["你们", "好"], "label_char": ["你", "们"], "label_word": ["你们"], "signer": 3}
    content = {"info": [{"name": name, "length": 52, **words} for name in CLIPS], "gloss_map": ["<pad>"]}
    files = {f"sentence_frames-512x512/{name}/000000.jpg": b"" for name in CLIPS}
    files["sentence_label/split_1.txt"] = splits.encode()
    return files, splits.encode(), labels.encode(), pickle.dumps(content)


def isharah() -> Mapping[str, bytes]:
    """The files of a corpus."""
    tables = {
        "SI/train.txt": "id|gloss|text\n00_0001|هو معلم|من  هو\n01_0002|NULL اشاره|x\n",
        "SI/dev.txt": "\ufeffid|gloss\r\n02_0001|هو",
        "SI/test.txt": "id\n08_0001\n",
    }
    videos = {f"videos/{clip}.mp4": b"" for clip in ("00_0001", "01_0002", "02_0001", "08_0001")}
    return {name: text.encode() for name, text in tables.items()} | videos


def picture(number: int = 0, side: int = 48) -> np.ndarray:
    """BGR uint8 (side, side, 3)."""
    y, x = np.mgrid[:side, :side]
    image = np.stack([3 * x + number, 2 * y, x + y], axis=-1).astype(np.uint8)
    return cv2.circle(image, (side // 2, side // 3 + number), 9, (180, 190, 230), -1)


def pictures(ending: str) -> list[bytes]:
    """Files of pictures: in colour, grey, and 16 bits or progressive."""
    how = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if ending == ".jpg" else []
    kinds = (picture(), picture(3, 16)[:, :, 0], picture(5) if how else picture(5).astype(np.uint16) * 257)
    return [cv2.imencode(ending, kind, how * (number == 2))[1].tobytes() for number, kind in enumerate(kinds)]


def several(ending: str) -> list[bytes]:
    """Files of one picture, and of three."""
    first, *others = (Image.fromarray(picture(number)) for number in range(3))
    found = []
    for more in ([], others):
        file = io.BytesIO()
        first.save(file, format=Image.registered_extensions()[ending], save_all=True, append_images=more)
        found.append(file.getvalue())
    return found


def video(ending: str, codec: str) -> list[bytes]:
    """A video of some frames, if OpenCV can write it here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"v{ending}")
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25, (48, 48))
        for number in range(8):
            writer.write(picture(number))
        writer.release()
        return [path.read_bytes()] if path.is_file() and path.stat().st_size else []


def members() -> dict[str, bytes]:
    """The content of the archives here."""
    (png,) = (cv2.imencode(".png", picture())[1].tobytes(),)
    frames = {f"c1/images{number:04}.png": png for number in (1, 2, 3)}
    return {"table.csv": b"frames,gloss\nc1,A B\n", "a/b/x.txt": b"text\n" * 50, **frames}


def zipped() -> list[bytes]:
    """Zips: stored, deflated, and with a comment."""
    found = []
    for kind, comment in ((zipfile.ZIP_STORED, b""), (zipfile.ZIP_DEFLATED, b"x")):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", kind) as archive:
            archive.comment = comment
            for name, data in members().items():
                archive.writestr(zipfile.ZipInfo(name), data, kind)
        found.append(file.getvalue())
    return found


def tarred() -> list[bytes]:
    """Tars: GNU's, with extended headers, and the old kind."""
    found = []
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
            for name, data in {
                **members(),
                **({} if kind == tarfile.USTAR_FORMAT else {f"{'long/' * 40}é": b"x"}),
            }.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            link = tarfile.TarInfo("link.txt")
            link.type, link.linkname = tarfile.LNKTYPE, "a/b/x.txt"
            archive.addfile(link)
        found.append(file.getvalue())
    return found


def gzipped(files: Sequence[bytes]) -> list[bytes]:
    """Each file compressed."""
    return [gzip.compress(data, 6, mtime=0) for data in files]


def spooled() -> list[bytes]:
    """A clip of prep's cache."""
    file = io.BytesIO()
    data = np.frombuffer(cv2.imencode(".jpg", picture())[1].tobytes(), np.uint8)
    facts = {"sizes": np.array([len(data)]), "facts": np.array((25.0, 1.5)), "texts": np.array(("stamp", "note"))}
    np.savez(file, data=data, **facts)
    return [file.getvalue()]


def begun() -> list[bytes]:
    """The request of an unfinished prep."""
    request = PrepRequest.checked("elan", Path("/x"), {"pause": 2.0, "tier": ("*I*",)}, {"size": 32, "quality": 90})
    return [json.dumps({**vars(Begun(request)), "request": request.to_json()}).encode()]


def receipts(folder: Path) -> list[bytes]:
    """Receipts below a folder, without the checksum, because of which nearly all changes would be refused."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("**/*receipt.json")]
    return [json.dumps({**facts, "checksum": ""}, indent=1).encode() for facts in found]
