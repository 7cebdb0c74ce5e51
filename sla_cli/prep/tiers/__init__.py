"""From the tiers of an annotation file to utterances with their glosses: `read_utterances`."""
