"""`python -m themaads_pipeline.cli`: the `themaads` command of this very Python."""

from themaads_pipeline.cli.main import main

main()
