"""Reading videos: sla (PyAV) beside OpenCV's reader, on generated files and on those that are given.

    python benchmarks/video.py [VIDEO ...] [--repeats 5]

Three tables: what each kind of video gives (frames, and the greatest and mean difference from ffmpeg's pictures), how
often a file that is cut at ten places is refused, and the ratio of frames per CPU second, decoded and resized on one
thread.
For videos that are given, the difference is that between the two readers.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from timing import fastest

from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.video.frames import FrameReader
from sla_cli.video.resize import fitted

SECONDS, RATE, HEIGHT, WIDTH = 2, 25, 240, 320
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p")
Reader = Callable[[Path], Iterator[np.ndarray]]
KINDS = {
    "h264.mp4": H264,
    "h265.mp4": ("-c:v", "libx265", "-pix_fmt", "yuv420p"),
    "vp9.webm": VP9,
    "av1.mp4": ("-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt", "yuv420p"),
    "interlaced.mp4": (*H264, "-flags", "+ildct+ilme", "-x264opts", "tff=1"),
    "ten bit.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "bt709.mp4": (*H264, "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"),
    "varying.mp4": (*H264, "-vf", "setpts='if(lt(N,20),N,20+(N-20)*4)/(25*TB)'", "-fps_mode", "vfr"),
    "one in 500 s.mp4": (*H264, "-vf", "setpts=N*500/TB", "-fps_mode", "passthrough", "-frames:v", "5"),
    "h264.mkv": H264,
    "h264.ts": H264,
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-q:v", "2"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "2"),
    "a.flv": ("-c:v", "flv", "-q:v", "2"),
    "a.gif": (),
}
TURNS = {f"turned by {turn}.mp4": ("-display_rotation", str(turn)) for turn in (90, 180, 270)}
TURNS["mirrored.mp4"] = ("-display_hflip",)
CUT = ("h264.mp4", "h264.mkv", "vp9.webm", "mpeg4.avi", "a.flv", "h264.ts", "mpeg2.mpg", "a.gif")
SPEED = {"512x512.mp4": ("512x512", H264), "1280x720.mp4": ("1280x720", H264), "512x512.webm": ("512x512", VP9)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path, help="videos to compare, beside the generated ones")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        print(f"{'case':24} {'sla: frames':>12} {'difference':>11} {'OpenCV':>7} {'difference':>11}")
        for path in made(root):
            expected = as_ffmpeg_shows(path)
            cells = [cell(reader, path, expected) for reader in (by_sla, by_opencv)]
            print(f"{path.name:24} {cells[0][0]:>12} {cells[0][1]:>11} {cells[1][0]:>7} {cells[1][1]:>11}")
        for path in options.videos:
            both = [np.stack(list(reader(path))).astype(int) for reader in (by_sla, by_opencv)]
            print(f"{path.name:24} {len(both[0]):>12} {np.abs(both[0] - both[1]).max():>11} {len(both[1]):>7}")
        print("\ncut at 5, 15, ... 95 % of its bytes: how many of ten are told")
        for name in CUT:
            print(f"{name:24} {sum(is_told(root / name, place / 100) for place in range(5, 100, 10)):>4} of 10")
        print("\nframes per CPU second, decoded and resized to 256x256: sla / OpenCV")
        for name, (size, codec) in SPEED.items():
            generate(root / name, codec, size, 8)
        for path in (*(root / name for name in SPEED), *options.videos):
            print(f"{path.name:24} {ratio(path, options.repeats):.2f}")


def made(root: Path) -> Iterator[Path]:
    for name, codec in KINDS.items():
        generate(root / name, codec, f"{WIDTH}x{HEIGHT}", SECONDS)
        yield root / name
    for name, turn in TURNS.items():
        ffmpeg(*turn, "-i", str(root / "h264.mp4"), "-c", "copy", str(root / name))
        yield root / name


def generate(path: Path, codec: tuple[str, ...], size: str, seconds: int) -> None:
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={RATE}:duration={seconds}", *codec, str(path))


def ffmpeg(*arguments: str) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


def as_ffmpeg_shows(path: Path) -> np.ndarray:
    data = ffmpeg("-i", str(path), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    height, width = (WIDTH, HEIGHT) if path.name.startswith(("turned by 90", "turned by 270")) else (HEIGHT, WIDTH)
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, 3).astype(int)


def by_sla(path: Path) -> Iterator[np.ndarray]:
    for _, picture in FrameReader(Source(path.parent, path.name)):
        yield picture


def by_opencv(path: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    while (read := capture.read())[0]:
        yield read[1]


def cell(reader: Reader, path: Path, expected: np.ndarray) -> tuple[str, str]:
    """Frames of how many, and the greatest and mean difference from ffmpeg's."""
    found = list(reader(path))
    frames = f"{len(found)} of {len(expected)}"
    if len(found) != len(expected) or found[0].shape != expected[0].shape:
        return frames, "-"
    away = np.abs(np.stack(found) - expected)
    return frames, f"{away.max()} ({away.mean():.1f})"


def is_told(path: Path, share: float) -> bool:
    data = path.read_bytes()
    cut = path.with_name(f"cut{path.suffix}")
    cut.write_bytes(data[: round(share * len(data))])
    try:
        list(by_sla(cut))
    except FrameError:
        return True
    return False


def ratio(path: Path, repeats: int) -> float:
    def run(reader: Reader) -> None:
        for picture in reader(path):
            fitted(picture, 256, "squash")

    cv2.setNumThreads(1)
    spent, _ = fastest({"sla": lambda: run(by_sla), "OpenCV": lambda: run(by_opencv)}, repeats)
    return spent["OpenCV"] / spent["sla"]


if __name__ == "__main__":
    main()
