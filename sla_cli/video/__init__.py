"""Frames with their times out of a video file, a folder of pictures, or an archive that is read in place."""
