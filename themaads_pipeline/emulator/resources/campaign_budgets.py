"""Campaign budgets."""

from themaads_pipeline.emulator.entities import REMOVED, Account, Campaign, Document
from themaads_pipeline.emulator.messages import enum_values
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind
from themaads_pipeline.emulator.resources.enums_given import check_enums
from themaads_pipeline.emulator.resources.references import is_removed
from themaads_pipeline.emulator.transactions import Transaction

_MAX_NAME_BYTES = 255
_WHOLE_UNITS = frozenset({"CLP", "COP", "HUF", "IDR", "ISK", "JPY", "KRW", "PYG", "TWD", "UGX", "VND"})
_LARGEST_MICROS = 10**15


def smallest_unit_micros(currency_code: str) -> int:
    """The smallest amount of a currency that Google bills, in micros."""
    return 1_000_000 if currency_code in _WHOLE_UNITS else 10_000


def campaigns_of(budget: Document, account: Account) -> list[Campaign]:
    """The campaigns that use a budget, without removed ones."""
    return [
        campaign
        for campaign in account.campaigns.values()
        if campaign.status != REMOVED
        and campaign.body is not None
        and campaign.body.campaign_budget == budget.resource_name
    ]


def budget_problem(budget: Document, account: Account) -> str:
    """Why one more campaign cannot use the budget; empty when it can."""
    if is_removed(budget):
        return "CampaignBudgetError.CAMPAIGN_BUDGET_REMOVED"
    if not budget.body.explicitly_shared and campaigns_of(budget, account):
        return "CampaignBudgetError.CANNOT_USE_IMPLICITLY_SHARED_CAMPAIGN_BUDGET_WITH_MULTIPLE_CAMPAIGNS"
    return ""


def follow_campaign(tx: Transaction, campaign: Campaign, before: str) -> None:
    """Brings a campaign's budget up to date with it, and the one it had `before` (a resource name).

    A budget that is not shared bears its campaign's name, and goes when the campaign goes.
    """
    removed = campaign.status == REMOVED
    named = campaign.body.campaign_budget if campaign.body is not None else ""
    now = "" if removed else named
    for name in dict.fromkeys((named, before)):
        budget = tx.account.documents.get("campaign_budget", {}).get(name)
        if budget is None:
            continue
        body = type(budget.body)()
        body.CopyFrom(budget.body)
        body.reference_count += (name == now) - (name == before)
        if not body.explicitly_shared and name == named:
            body.name = campaign.name
            body.status = enum_values("BudgetStatus")["REMOVED" if removed else "ENABLED"]
        if body != budget.body:
            tx.change(budget, "body", body)


def _complete(checking: Checking) -> None:
    budget = checking.body
    if checking.before is None:
        budget.reference_count = 0
    if not budget.HasField("explicitly_shared"):
        budget.explicitly_shared = True
    for name, enum, usual in (
        ("delivery_method", "BudgetDeliveryMethod", "STANDARD"),
        ("period", "BudgetPeriod", "DAILY"),
        ("type_", "BudgetType", "STANDARD"),
        ("status", "BudgetStatus", "ENABLED"),
    ):
        if not getattr(budget, name):
            setattr(budget, name, enum_values(enum)[usual])


def _check(checking: Checking) -> None:
    budget = checking.body
    check_enums(budget, checking.errors, checking.path)
    _check_amount(checking)
    if len(budget.name.encode()) > _MAX_NAME_BYTES:
        checking.add("StringLengthError.TOO_LONG", "name", trigger=budget.name)
    if budget.name and any(other.name == budget.name for other in checking.others("campaign_budget")):
        checking.add("CampaignBudgetError.DUPLICATE_NAME", "name", trigger=budget.name)
    before = checking.before
    if budget.explicitly_shared and not budget.name.strip():
        code = (
            "FieldError.REQUIRED"
            if before is None or before.explicitly_shared
            else "CampaignBudgetError.CANNOT_UPDATE_CAMPAIGN_BUDGET_TO_EXPLICITLY_SHARED_WITHOUT_NAME"
        )
        checking.add(code, "name")
    if before is not None and before.explicitly_shared and not budget.explicitly_shared:
        code = "CampaignBudgetError.CANNOT_UPDATE_CAMPAIGN_BUDGET_TO_IMPLICITLY_SHARED"
        checking.add(code, "explicitly_shared")


def _check_amount(checking: Checking) -> None:
    budget = checking.body
    total = budget.period == enum_values("BudgetPeriod")["CUSTOM_PERIOD"]
    name, other = ("amount_micros", "total_amount_micros")[:: -1 if total else 1]
    if budget.HasField(other):
        code = (
            "BUDGET_AMOUNT_MUST_BE_UNSET_FOR_CUSTOM_BUDGET_PERIOD"
            if total
            else "TOTAL_BUDGET_AMOUNT_MUST_BE_UNSET_FOR_BUDGET_PERIOD_DAILY"
        )
        checking.add(f"CampaignBudgetError.{code}", other)
    if not budget.HasField(name):
        checking.add("FieldError.REQUIRED", name, message="The required field was not present.")
        return
    amount = getattr(budget, name)
    code = ""
    if amount < 0:
        code = "NEGATIVE_MONEY_AMOUNT"
    elif amount > _LARGEST_MICROS:
        code = "MONEY_AMOUNT_TOO_LARGE"
    elif amount % smallest_unit_micros(checking.tx.account.currency_code):
        code = "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT"
    elif amount == 0:
        code = "MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC"
    if code:
        checking.add(f"CampaignBudgetError.{code}", name, trigger=str(amount))


def _check_removal(checking: Checking) -> None:
    name = checking.before.resource_name
    document = checking.tx.account.documents["campaign_budget"][name]
    if campaigns_of(document, checking.tx.account):
        checking.add("CampaignBudgetError.CAMPAIGN_BUDGET_IN_USE", trigger=name)


CAMPAIGN_BUDGETS = DocumentKind(
    name="campaign_budget",
    service="CampaignBudgetService",
    method="MutateCampaignBudgets",
    complete=_complete,
    check=_check,
    check_removal=_check_removal,
)
