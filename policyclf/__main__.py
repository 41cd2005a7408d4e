"""`python -m policyclf` is the `policyclf` command."""

import sys

from policyclf.cli import main

sys.exit(main())
