"""One tree of errors: transient ones may go away by themselves, permanent ones need a person.

A message says what happened, where, and what to do; the facts a handler needs are attributes.
"""

from datetime import datetime


class ThemaAdsError(Exception):
    """The root: everything this package raises on purpose."""


class TransientError(ThemaAdsError):
    """May succeed when tried again later."""


class PermanentError(ThemaAdsError):
    """Will fail the same way until a person changes something."""


# Intake and themes


class UnusableFileError(PermanentError):
    """A file of which not one row can be read: the upload fails, the file stays where it is."""


class ThemeError(PermanentError):
    """A theme file that breaks a rule, or a theme that is not known."""


class StorageAwayError(TransientError):
    """Object storage gave no answer, so that nothing is known of what is in it; or here is no room for it."""


# Ownership and the ledger


class UploadBusyError(PermanentError):
    """Another run works on the upload, or has taken it over."""

    def __init__(self, message: str, *, upload: int, owner_run_id: str | None) -> None:
        """Keep who works on what."""
        super().__init__(message)
        self.upload = upload
        self.owner_run_id = owner_run_id


class FencedError(PermanentError):
    """This worker was declared dead and replaced: it must send nothing, write nothing and leave."""


class StopAskedError(TransientError):
    """The run was asked to stop: it begins nothing, and settles what is in flight."""


class LeaseUnavailableError(TransientError):
    """Another writer holds the account until `expires_at` (the database's clock)."""

    def __init__(self, message: str, *, customer_id: int, expires_at: datetime) -> None:
        """Keep which account is taken, and until when."""
        super().__init__(message)
        self.customer_id = customer_id
        self.expires_at = expires_at


class StaleSnapshotError(TransientError):
    """The live state was read too long ago, or under another lease: read again."""


class LedgerAwayError(TransientError):
    """Postgres could not be reached for longer than it is waited for."""


class GuardError(PermanentError):
    """A guarded transition matched other rows than it had to: a bug, or two writers."""


# Google Ads


class AdsError(ThemaAdsError):
    """A whole request was refused; `code` is Google's own (`AuthorizationError.USER_PERMISSION_DENIED`)."""

    def __init__(
        self, message: str, *, code: str, request_id: str | None = None, category: str = "technical"
    ) -> None:
        """Keep Google's code, the id that Google's support asks for, and what a single item fails as."""
        super().__init__(message)
        self.code = code
        self.request_id = request_id
        self.category = category


class OutcomeUnknownError(AdsError, TransientError):
    """The request may have been committed: read back before anything is sent again."""

    def __init__(
        self, message: str, *, code: str, request_id: str | None = None, is_too_large: bool = False
    ) -> None:
        """Keep whether the request's size was the reason: what follows should be smaller."""
        super().__init__(message, code=code, request_id=request_id)
        self.is_too_large = is_too_large


class TemporaryAdsError(AdsError, TransientError):
    """Nothing was committed, and trying again later may succeed, at the earliest after `retry_after_s`."""

    def __init__(
        self, message: str, *, code: str, request_id: str | None = None, retry_after_s: float | None = None
    ) -> None:
        """Keep how long Google asked to wait, in seconds."""
        super().__init__(message, code=code, request_id=request_id)
        self.retry_after_s = retry_after_s


class RateLimitError(TemporaryAdsError):
    """Too many operations in too short a time. `for_all`: not only in this account."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        for_all: bool = False,
    ) -> None:
        """Keep whom the limit concerns."""
        super().__init__(message, code=code, request_id=request_id, retry_after_s=retry_after_s)
        self.for_all = for_all


class RequestTooLargeError(AdsError, TransientError):
    """Nothing was committed; the same operations in smaller requests may succeed."""


class AccountStoppedError(AdsError, PermanentError):
    """Nothing can be done in this account; the others are not concerned."""


class AdsStoppedError(AdsError, PermanentError):
    """Nothing can be done in any account (credentials, project, daily quota): items stay pending.

    It goes away by itself after `retry_after_s` (the daily quota); None: not before a person does something.
    """

    def __init__(
        self, message: str, *, code: str, request_id: str | None = None, retry_after_s: float | None = None
    ) -> None:
        """Keep how long to wait, in seconds, where waiting helps."""
        super().__init__(message, code=code, request_id=request_id)
        self.retry_after_s = retry_after_s
