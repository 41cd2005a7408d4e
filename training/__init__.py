"""From the corpus to the released model; see the README."""
