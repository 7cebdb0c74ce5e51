"""Frames with their times from a video file, a folder of pictures, or an archive that is read in place."""
