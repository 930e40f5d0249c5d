"""Campaign budgets."""

from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind

_MAX_NAME = 255


def _complete(checking: Checking) -> None:
    budget = checking.body
    if not budget.HasField("explicitly_shared"):
        budget.explicitly_shared = True


def _check(checking: Checking) -> None:
    budget = checking.body
    if budget.amount_micros <= 0:
        checking.add("CampaignBudgetError.NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT", "amount_micros")
    if len(budget.name) > _MAX_NAME:
        checking.add("StringLengthError.TOO_LONG", "name", trigger=budget.name)
    if budget.name and any(other.name == budget.name for other in checking.others("campaign_budget")):
        checking.add("CampaignBudgetError.DUPLICATE_NAME", "name", trigger=budget.name)


CAMPAIGN_BUDGETS = DocumentKind(
    name="campaign_budget",
    service="CampaignBudgetService",
    method="MutateCampaignBudgets",
    needed=("amount_micros",),
    complete=_complete,
    check=_check,
)
