"""Every resource that can stand behind FROM."""

from themaads_pipeline.emulator.gaql.document_sources import DOCUMENT_SOURCES
from themaads_pipeline.emulator.gaql.sources import COMPACT_SOURCES, Source

SOURCES: dict[str, Source] = {**COMPACT_SOURCES, **DOCUMENT_SOURCES}
