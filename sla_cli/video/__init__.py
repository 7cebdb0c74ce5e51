"""Where a corpus lies: a folder, or an archive that is read in place."""
