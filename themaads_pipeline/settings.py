"""The environment, read once and frozen. No other module reads it."""

import ipaddress
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.masking import cover, hide
from themaads_pipeline.objects import AnyPath, path_of

# As libpq reads it. What it takes for a host or a port, it quotes: no part of a password may be that.
_HOST = r"(?:\[[^\s/@?\[\]]*\]|[^\s:/@?\[\]]*)(?::\d*)?"
_DATABASE_URL = re.compile(
    rf"postgres(?:ql)?://(?:(?P<user>[^\s:/@]*)(?::(?P<password>[^\s/@]*))?@)?{_HOST}(?:,{_HOST})*"
    r"(?:/(?P<database>[^\s/@?]*))?(?:\?[^\s@]*)?"
)
_PASSWORD_PARAMETER = re.compile(r"[?&](?:ssl)?password=([^&]*)")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
_SHORTEST_PART = 8
_NOT_ENCODED = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Settings(BaseSettings):
    """Every setting, with the variable `THEMAADS_<NAME>` it comes from. Times in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="THEMAADS_",
        frozen=True,
        env_ignore_empty=True,
        arbitrary_types_allowed=True,  # ObjectPath
        hide_input_in_errors=True,  # an error about one setting would show the secrets in the others
    )

    home: Path = Field(default=Path(".themaads"), description="Everything this system keeps on disk")
    database_url: str | None = Field(
        default=None, repr=False, description="Postgres; unset: the embedded one in `home`; secret"
    )
    upload_dir: Annotated[AnyPath | None, NoDecode] = Field(
        default=None,
        description="Watched for files: a folder, or s3://…, gs://…, az://…; default `home`/uploads",
    )
    report_dir: Annotated[AnyPath | None, NoDecode] = Field(
        default=None, description="Reports: a folder, or s3://…, gs://…, az://…; default `home`/reports"
    )
    theme_dir: Path | None = Field(default=None, description="Your own themes; they override and extend ours")
    google_ads_config: Path | None = Field(default=None, description="A google-ads.yaml; unset: the emulator")
    emulator_host: str | None = Field(
        default=None,
        description="The emulator's host name, where it is not this machine: in a network of containers",
    )
    stall_seconds: float = Field(default=300, gt=0, description="No progress for so long means stalled")
    alert_urls: str = Field(
        default="", repr=False, description="Where alerts go (apprise URLs, separated by spaces); secret"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="What runs write to their logs, and commands with -v"
    )
    failure_bound: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="An alert and a check tell when a greater share of an upload's ad groups failed",
    )
    web_url: str | None = Field(
        default=None, description="Dagster's web address, for links in alerts; unset: that of `themaads up`"
    )
    dagster_url: str | None = Field(
        default=None, description="Where commands ask Dagster; unset: the `themaads up` of `home`"
    )

    dashboard_user: str = Field(default="themaads", min_length=1, description="Who logs in at the dashboard")
    dashboard_password: str | None = Field(
        default=None, repr=False, description="With what; unset: no login; secret. Better in a file:"
    )
    dashboard_password_file: Path | None = Field(
        default=None, description="A file whose first line is that password"
    )
    dashboard_user_header: str | None = Field(
        default=None,
        description="A proxy before the dashboard logs people in, and says in this header who it is",
    )
    dashboard_proxies: str = Field(
        default="127.0.0.1 ::1",
        description="The proxy's addresses, separated by spaces: nobody else's header is believed",
    )
    dashboard_hosts: str = Field(
        default="",
        description="Names, beside localhost, by which browsers reach the dashboard, separated by spaces",
    )
    dashboard_read_only: bool = Field(default=False, description="Nothing can be changed at the dashboard")
    dashboard_upload_mb: int = Field(
        default=200, gt=0, description="The largest file that the dashboard takes; a million rows are 100"
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

    dashboard_url: str | None = Field(
        default=None, description="The dashboard's web address as people reach it, for links in Dagster"
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

    @field_validator("upload_dir", "report_dir", mode="before")
    @classmethod
    def _folder_or_url(cls, value: Any) -> Any:
        return path_of(value) if isinstance(value, str) else value

    @field_validator(
        "home", "upload_dir", "report_dir", "theme_dir", "google_ads_config", "dashboard_password_file"
    )
    @classmethod
    def _absolute(cls, path: AnyPath | None) -> AnyPath | None:
        return path.expanduser().absolute() if isinstance(path, Path) else path

    @field_validator("database_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None and (not _DATABASE_URL.fullmatch(url) or _NOT_ENCODED.search(url)):
            raise ValueError(
                "it must be a URL, postgresql://user:password@host:port/database, with each special "
                "character of the password percent-encoded: %40 for @, %2F for /, %25 for %"
            )
        return url

    @field_validator("emulator_host")
    @classmethod
    def _is_near(cls, host: str | None) -> str | None:
        """A name with a dot might be anybody's, Google's too (invariant 9)."""
        if host is None:
            return None
        try:
            near = ipaddress.ip_address(host).is_private
        except ValueError:
            near = _PLAIN_NAME.fullmatch(host) is not None
        if not near:
            raise ValueError("it must be a name without a dot, as containers have, or a private address")
        return host

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, level: str) -> str:
        return level.upper()

    @model_validator(mode="after")
    def _some_time_to_send(self) -> Self:
        if self.minimum_send_seconds >= self.request_deadline_seconds:
            raise ValueError(
                "minimum_send_seconds must be less than request_deadline_seconds, or nothing is sent"
            )
        return self

    @property
    def uploads(self) -> AnyPath:
        """The folder that the sensor watches."""
        return self.upload_dir or self.home / "uploads"

    @property
    def reports(self) -> AnyPath:
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

    def environment(self) -> dict[str, str]:
        """As another process reads them. An unset one is passed as empty: a demo in a shell with real
        credentials must not find them.
        """
        return {f"THEMAADS_{name.upper()}": "" if value is None else str(value) for name, value in self}

    def secrets(self) -> list[str]:
        """What no log may show: the passwords of database and dashboard, and where alerts go, whole and in
        parts.

        A password that is the user's or the database's name is none, and that name is in every line.
        """
        found = []
        if self.database_url is not None and (parts := _DATABASE_URL.fullmatch(self.database_url)):
            found = [parts["password"], *_PASSWORD_PARAMETER.findall(self.database_url)]
            found = [each for each in found if each not in {None, parts["user"], parts["database"]}]
        if self.dashboard_password is not None:
            found.append(self.dashboard_password)
        for url in self.alert_urls.split():
            after_scheme = url.partition("://")[2] or url
            found += [after_scheme, *_telling_parts(after_scheme)]
        return found


@cache
def settings() -> Settings:
    """This process's settings: read at the first call, the same ever after. From then on it says none of
    the secrets in them.

    Raises:
        PermanentError: A variable cannot be used; the message names it, and does not quote it.
    """
    cover("stderr")
    try:
        found = Settings()
    except ValidationError as error:
        wrong = "; ".join(map(_in_words, error.errors(include_input=False, include_context=False)))
        raise PermanentError(f"the settings cannot be used: {wrong}") from None
    hide(*found.secrets())
    return found


def _in_words(wrong: ErrorDetails) -> str:
    variable = [f"THEMAADS_{str(field).upper()}" for field in wrong["loc"][:1]]
    return ": ".join([*variable, wrong["msg"].removeprefix("Value error, ")])


def _telling_parts(address: str) -> list[str]:
    """An error may name a part of an address alone, as its path. A host is no secret; where one would be,
    Slack and Telegram have a token. Short words are in every text.
    """
    before_query, _, query = address.partition("?")
    host = re.split("[:/#]", before_query.rpartition("@")[2])[0]
    parts = [*re.split("[:/@#]", before_query), *(value.partition("=")[2] for value in query.split("&"))]
    is_named = "." in host or host == "localhost"
    return [part for part in parts if len(part) >= _SHORTEST_PART and not (is_named and part == host)]
