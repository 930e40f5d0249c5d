"""The environment, read once and frozen. No other module reads it."""

from functools import cache
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting, with the variable `THEMAADS_<NAME>` it comes from. Times in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="THEMAADS_",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # an error about one setting would show the secrets in the others
    )

    home: Path = Field(default=Path(".themaads"), description="Everything this system keeps on disk")
    database_url: str | None = Field(default=None, description="Postgres; unset: the embedded one in `home`")
    upload_dir: Path | None = Field(default=None, description="Watched for files; default `home`/uploads")
    report_dir: Path | None = Field(default=None, description="Reports; default `home`/reports")
    theme_dir: Path | None = Field(default=None, description="Your own themes; they override and extend ours")
    google_ads_config: Path | None = Field(default=None, description="A google-ads.yaml; unset: the emulator")
    stall_seconds: float = Field(default=300, gt=0, description="No progress for so long means stalled")
    alert_urls: str = Field(
        default="", repr=False, description="Where alerts go (apprise URLs, separated by spaces); secret"
    )
    failure_bound: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="An alert tells when a greater share of an upload's ad groups failed",
    )
    web_url: str | None = Field(
        default=None, description="Dagster's web address, for links in alerts; unset: that of `themaads up`"
    )

    daily_operations: int | None = Field(
        default=None,
        gt=0,
        description="A budget of operations in 24 hours, over all uploads (Basic access: 15,000)",
    )
    site_ads_per_second: float = Field(
        default=50,
        ge=0,
        description="New ads on one site a second to begin with: Google visits each page; 0: no matter",
    )

    lesson_days: float = Field(
        default=30,
        gt=0,
        description="How long a text or domain that policy refused is kept back in its account",
    )

    request_deadline_seconds: float = Field(default=120, gt=0, description="How long one mutate may take")
    minimum_send_seconds: float = Field(default=5, gt=0, description="With less time left, nothing is sent")
    absence_margin_seconds: float = Field(
        default=120, ge=0, description="Google may commit after our deadline: absent is proof only after this"
    )
    second_read_seconds: float = Field(
        default=10, ge=0, description="Between the two reads that prove absence"
    )
    snapshot_seconds: float = Field(default=300, gt=0, description="Live state older than this is read again")
    stop_grace_seconds: float = Field(
        default=45, gt=0, description="How long a run that is ended may settle what is in flight"
    )
    outage_seconds: float = Field(
        default=3600, ge=0, description="How long a run waits for a Postgres that is away before it fails"
    )
    lease_seconds: float = Field(default=20, gt=0, description="How long an idle worker keeps an account")

    @field_validator("home", "upload_dir", "report_dir", "theme_dir", "google_ads_config")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path is not None else None

    @model_validator(mode="after")
    def _some_time_to_send(self) -> Self:
        if self.minimum_send_seconds >= self.request_deadline_seconds:
            raise ValueError(
                "minimum_send_seconds must be less than request_deadline_seconds, or nothing is sent"
            )
        return self

    @property
    def uploads(self) -> Path:
        """The folder that the sensor watches."""
        return self.upload_dir or self.home / "uploads"

    @property
    def reports(self) -> Path:
        """The folder that reports go to."""
        return self.report_dir or self.home / "reports"

    @property
    def emulator_dir(self) -> Path:
        """Where the emulator keeps its certificates, credentials and ports."""
        return self.home / "emulator"

    @property
    def uses_emulator(self) -> bool:
        """Without Google credentials everything runs against the emulator (invariant 9)."""
        return self.google_ads_config is None

    @property
    def ads_config(self) -> Path:
        """The google-ads.yaml that the client is built from."""
        return self.google_ads_config or self.emulator_dir / "google-ads.yaml"


@cache
def settings() -> Settings:
    """This process's settings: read at the first call, the same ever after."""
    return Settings()
