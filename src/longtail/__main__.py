"""python -m longtail is the command line."""

from longtail.cli import main

main()
