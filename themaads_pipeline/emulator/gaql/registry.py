"""Every resource that can stand behind FROM."""

from themaads_pipeline.emulator.gaql.account_sources import ACCOUNT_SOURCES
from themaads_pipeline.emulator.gaql.batch_jobs import BATCH_JOB_SOURCES
from themaads_pipeline.emulator.gaql.changes import CHANGE_SOURCES
from themaads_pipeline.emulator.gaql.constant_sources import CONSTANT_SOURCES
from themaads_pipeline.emulator.gaql.criterion_sources import CRITERION_SOURCES
from themaads_pipeline.emulator.gaql.document_sources import DOCUMENT_SOURCES
from themaads_pipeline.emulator.gaql.label_sources import LABEL_SOURCES
from themaads_pipeline.emulator.gaql.sources import COMPACT_SOURCES, Source

SOURCES: dict[str, Source] = {
    **COMPACT_SOURCES,
    **ACCOUNT_SOURCES,
    **LABEL_SOURCES,
    **DOCUMENT_SOURCES,
    **CRITERION_SOURCES,
    **CONSTANT_SOURCES,
    **CHANGE_SOURCES,
    **BATCH_JOB_SOURCES,
}
