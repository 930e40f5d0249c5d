"""The protobuf classes of the one API version that we speak. Importing this costs over a second: do it late.

The raw classes, not their proto-plus wrappers: building a responsive search ad costs a tenth that way.
"""

from google.ads.googleads.v26.common.types.ad_type_infos import (
    ResponsiveSearchAdInfo as _ResponsiveSearchAdInfo,
)
from google.ads.googleads.v26.enums.types.ad_group_ad_status import AdGroupAdStatusEnum
from google.ads.googleads.v26.enums.types.served_asset_field_type import ServedAssetFieldTypeEnum
from google.ads.googleads.v26.errors.types.errors import GoogleAdsFailure as _GoogleAdsFailure
from google.ads.googleads.v26.services.types.ad_group_ad_label_service import (
    AdGroupAdLabelOperation as _AdGroupAdLabelOperation,
)
from google.ads.googleads.v26.services.types.ad_group_ad_label_service import MutateAdGroupAdLabelsRequest
from google.ads.googleads.v26.services.types.ad_group_ad_service import (
    AdGroupAdOperation as _AdGroupAdOperation,
)
from google.ads.googleads.v26.services.types.ad_group_ad_service import MutateAdGroupAdsRequest
from google.ads.googleads.v26.services.types.ad_group_ad_service import (
    MutateAdGroupAdsResponse as _MutateAdGroupAdsResponse,
)
from google.ads.googleads.v26.services.types.ad_group_label_service import (
    AdGroupLabelOperation as _AdGroupLabelOperation,
)
from google.ads.googleads.v26.services.types.ad_group_label_service import MutateAdGroupLabelsRequest
from google.ads.googleads.v26.services.types.customer_service import ListAccessibleCustomersRequest
from google.ads.googleads.v26.services.types.google_ads_service import GoogleAdsRow as _GoogleAdsRow
from google.ads.googleads.v26.services.types.google_ads_service import SearchGoogleAdsStreamRequest
from google.ads.googleads.v26.services.types.label_service import LabelOperation as _LabelOperation
from google.ads.googleads.v26.services.types.label_service import MutateLabelsRequest

AdGroupAdLabelOperation = _AdGroupAdLabelOperation.pb()
AdGroupAdOperation = _AdGroupAdOperation.pb()
AdGroupLabelOperation = _AdGroupLabelOperation.pb()
GoogleAdsFailure = _GoogleAdsFailure.pb()
GoogleAdsRow = _GoogleAdsRow.pb()
LabelOperation = _LabelOperation.pb()
MutateAdGroupAdsResponse = _MutateAdGroupAdsResponse.pb()
ResponsiveSearchAdInfo = _ResponsiveSearchAdInfo.pb()

PAUSED = int(AdGroupAdStatusEnum.AdGroupAdStatus.PAUSED)
PIN_NUMBERS: dict[str, int] = {
    pin.name: int(pin) for pin in ServedAssetFieldTypeEnum.ServedAssetFieldType if int(pin) > 1
}

# Requests stay in their wrappers, which the client's methods take without a copy (`wrap` shares the message).
__all__ = [
    "PAUSED",
    "PIN_NUMBERS",
    "AdGroupAdLabelOperation",
    "AdGroupAdOperation",
    "AdGroupLabelOperation",
    "GoogleAdsFailure",
    "GoogleAdsRow",
    "LabelOperation",
    "ListAccessibleCustomersRequest",
    "MutateAdGroupAdLabelsRequest",
    "MutateAdGroupAdsRequest",
    "MutateAdGroupAdsResponse",
    "MutateAdGroupLabelsRequest",
    "MutateLabelsRequest",
    "ResponsiveSearchAdInfo",
    "SearchGoogleAdsStreamRequest",
]
