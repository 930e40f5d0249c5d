"""A Google Ads server for demos and tests.

The unmodified official client talks to it over TLS, with OAuth tokens from its own token endpoint. It
imports nothing of the
pipeline, so that it cannot share the pipeline's misreadings of Google's behaviour.

Start: `python -m themaads_pipeline.emulator --dir DIR --seed FILE`, or `server.serve(...)`. The seed's
format stands in
`seed`; everything else in docs/emulator.md.
"""
