"""Files that look like videos to some programs and are none: lists of other files, addresses, scripts."""

from __future__ import annotations

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"><Period><AdaptationSet>'
    '<Representation id="1" mimeType="video/mp4"><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
LISTS = {
    "concat": b"ffconcat version 1.0\nfile b.mp4\n",
    "HLS": PLAYLIST.format("b.ts").encode(),
    "HLS of an address": PLAYLIST.format("http://127.0.0.1:{port}/b.ts").encode(),
    "HLS with a control character": b"\x01" + PLAYLIST.format("b.ts").encode(),
    "HLS that looks binary": PLAYLIST.replace("#EXTINF", "#\x01\n#EXTINF").format("b.ts").encode(),
    "DASH": DASH.format("b.mp4").encode(),
    "sequence": b"b%d.png\n",
    "script": b'FFmpegSource2("b.mp4")\n',
    "session": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n",
    "text": "Gr\u00fc\u00dfe\n".encode() * 99,
}
