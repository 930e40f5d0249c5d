"""FROM batch_job."""

from themaads_pipeline.emulator.gaql.sources import Source

BATCH_JOB_SOURCES: dict[str, Source] = {
    "batch_job": Source(
        rows=lambda account: account.batch_jobs.values(), attributed={"customer": lambda job: job.account}
    )
}
