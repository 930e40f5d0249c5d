"""All resources that are kept as their messages."""

from themaads_pipeline.emulator.resources.ad_group_criteria import AD_GROUP_CRITERIA
from themaads_pipeline.emulator.resources.ad_parameters import AD_PARAMETERS
from themaads_pipeline.emulator.resources.asset_links import ASSET_LINKS
from themaads_pipeline.emulator.resources.assets import ASSETS
from themaads_pipeline.emulator.resources.bid_modifiers import AD_GROUP_BID_MODIFIERS
from themaads_pipeline.emulator.resources.campaign_budgets import CAMPAIGN_BUDGETS
from themaads_pipeline.emulator.resources.campaign_criteria import (
    CAMPAIGN_CRITERIA,
    CUSTOMER_NEGATIVE_CRITERIA,
)
from themaads_pipeline.emulator.resources.customizers import CUSTOMIZER_ATTRIBUTES, CUSTOMIZER_VALUES
from themaads_pipeline.emulator.resources.documents import DocumentKind
from themaads_pipeline.emulator.resources.shared_sets import (
    CAMPAIGN_SHARED_SETS,
    SHARED_CRITERIA,
    SHARED_SETS,
)

# In the order in which a seed is read: what others refer to comes first.
DOCUMENT_KINDS: tuple[DocumentKind, ...] = (
    CAMPAIGN_BUDGETS,
    CUSTOMIZER_ATTRIBUTES,
    SHARED_SETS,
    ASSETS,
    AD_GROUP_CRITERIA,
    CAMPAIGN_CRITERIA,
    CUSTOMER_NEGATIVE_CRITERIA,
    AD_GROUP_BID_MODIFIERS,
    AD_PARAMETERS,
    *CUSTOMIZER_VALUES,
    SHARED_CRITERIA,
    CAMPAIGN_SHARED_SETS,
    *ASSET_LINKS,
)
