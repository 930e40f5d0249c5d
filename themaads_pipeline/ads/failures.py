"""What each of Google's errors means, and what to do about it: one table.

Pure, and free of google.ads, so that reports and commands can classify a code for nothing.
The table answers by code (`DatabaseError.CONCURRENT_MODIFICATION`), else by kind (`AdError`); a code that
is in neither is newer than this package: `technical`, once, no retry.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from themaads_pipeline.model.outcomes import Category


class Reaction(IntEnum):
    """What to do, ordered: of several errors of one request, the highest decides."""

    ALREADY_THERE = 0  # success: the change was in the account before
    FAIL_ITEM = 1
    FAIL_ITEM_AS_POLICY = 2  # never retried, and no reason to slow down
    SLOW_DOWN = 3  # retry much later, slower for this site
    RETRY = 4  # with back-off; nothing was committed
    READ_BACK = 5  # with back-off; as a whole request it may have been committed
    SMALLER_BATCH = 6
    STOP_ACCOUNT = 7
    STOP_RUN = 8


@dataclass(frozen=True, slots=True)
class Meaning:
    """The class of a code, and the reason for it; `remedy` is for a person, where one can do something."""

    category: Category
    reaction: Reaction
    reason: str
    remedy: str = ""


_T, _P, _A, _I, _X = (
    Category.TEMPORARY,
    Category.POLICY,
    Category.ACCOUNT,
    Category.INVALID,
    Category.TECHNICAL,
)

SITE_THROTTLED = Meaning(
    _P, Reaction.SLOW_DOWN, "Google's check could not open the landing page; bursts of new ads do that"
)
NEW_LOGIN = "Sign in again and put the new refresh token, or a valid key file, into google-ads.yaml."
CHECK_PROJECT = (
    "Open the Google Cloud project of the OAuth client and check its access to the Google Ads API."
)
_ACCESS = "Give the user or service account of google-ads.yaml access to the account or its manager."
_UNLISTED = Meaning(_X, Reaction.FAIL_ITEM, "newer than this package")

_BY_CODE: Final[dict[str, Meaning]] = {
    # Temporary
    "InternalError.TRANSIENT_ERROR": Meaning(_T, Reaction.READ_BACK, "Google says: try again"),
    "InternalError.INTERNAL_ERROR": Meaning(_T, Reaction.READ_BACK, "Google's fault, often gone in seconds"),
    "InternalError.DEADLINE_EXCEEDED": Meaning(_T, Reaction.READ_BACK, "Google ran out of its own time"),
    "InternalError.ERROR_CODE_NOT_PUBLISHED": Meaning(
        _X, Reaction.FAIL_ITEM, "a refusal that this API version cannot express"
    ),
    "DatabaseError.CONCURRENT_MODIFICATION": Meaning(
        _T, Reaction.RETRY, "another request touched the account at the same moment; ours was rolled back"
    ),
    "DatabaseError.DATA_CONSTRAINT_VIOLATION": Meaning(
        _T, Reaction.RETRY, "conflicts with existing data; a retry names the cause"
    ),
    "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED": Meaning(
        _T, Reaction.RETRY, "rate limit: wait retry_delay, nothing was done"
    ),
    "QuotaError.EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION": Meaning(
        _T, Reaction.RETRY, "too many costly queries in a short time"
    ),
    # Size
    "DatabaseError.REQUEST_TOO_LARGE": Meaning(_T, Reaction.SMALLER_BATCH, "halve and go on"),
    "SizeLimitError.REQUEST_SIZE_LIMIT_EXCEEDED": Meaning(_T, Reaction.SMALLER_BATCH, "halve and go on"),
    "SizeLimitError.RESPONSE_SIZE_LIMIT_EXCEEDED": Meaning(_T, Reaction.SMALLER_BATCH, "halve and go on"),
    "RequestError.TOO_MANY_MUTATE_OPERATIONS": Meaning(_T, Reaction.SMALLER_BATCH, "10,000 at most"),
    "RequestError.RPC_DEADLINE_TOO_SHORT": Meaning(
        _T,
        Reaction.SMALLER_BATCH,
        "more work than fits the deadline; it may have begun, so mutates read back",
    ),
    # The whole run
    "QuotaError.RESOURCE_EXHAUSTED": Meaning(
        _T,
        Reaction.STOP_RUN,
        "the day's operations are used up, and retries use up more",
        "Nothing to do: the work goes on by itself when Google's quota is back. "
        "A higher access level of the Cloud project raises it.",
    ),
    "QuotaError.EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION": Meaning(
        _T, Reaction.STOP_RUN, "the project's queries cost too much over a long time", "Wait, then go on."
    ),
    "QuotaError.ACCESS_PROHIBITED": Meaning(
        _X, Reaction.STOP_RUN, "the project may not call the API", CHECK_PROJECT
    ),
    "AuthenticationError.CUSTOMER_NOT_FOUND": Meaning(
        _A, Reaction.STOP_ACCOUNT, "no such account", "Check the customer id in the file."
    ),
    "AuthenticationError.CLIENT_CUSTOMER_ID_INVALID": Meaning(
        _A, Reaction.STOP_ACCOUNT, "not a customer id", "Check the customer id in the file."
    ),
    "AuthenticationError.NOT_ADS_USER": Meaning(
        _X,
        Reaction.STOP_RUN,
        "the Google account has no Google Ads account",
        "Sign in with a Google account that can see the Google Ads accounts, or invite this one.",
    ),
    "AuthorizationError.PROJECT_DISABLED": Meaning(
        _X, Reaction.STOP_RUN, "the project has no access", CHECK_PROJECT
    ),
    "AuthorizationError.MISSING_TOS": Meaning(
        _X,
        Reaction.STOP_RUN,
        "the API's terms of service are not signed",
        "Sign them: console.cloud.google.com/google/ads-apis/overview",
    ),
    "AuthorizationError.CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": Meaning(
        _X,
        Reaction.STOP_RUN,
        "the project has access to test accounts only",
        "Apply for Explorer, Basic or Standard access of the Cloud project.",
    ),
    "AuthorizationError.CLOUD_PROJECT_NOT_UNDER_ORGANIZATION": Meaning(
        _X, Reaction.STOP_RUN, "the project is outside the required organization", CHECK_PROJECT
    ),
    "AuthorizationError.SERVICE_ACCESS_DENIED": Meaning(
        _X, Reaction.STOP_RUN, "the project may not use the service", CHECK_PROJECT
    ),
    "AuthorizationError.INCOMPLETE_SIGNUP": Meaning(
        _A, Reaction.STOP_ACCOUNT, "the account is not set up", "Finish the account's sign-up in Google Ads."
    ),
    "RequestError.CLOUD_PROJECT_NOT_FOUND": Meaning(_X, Reaction.STOP_RUN, "no such project", CHECK_PROJECT),
    "RequestError.UNSUPPORTED_VERSION": Meaning(
        _X, Reaction.STOP_RUN, "Google has switched this API version off", "Update this package."
    ),
    "RequestError.DEVELOPER_TOKEN_PARAMETER_MISSING": Meaning(
        _X, Reaction.STOP_RUN, "an endpoint that still wants one", "Add developer_token to google-ads.yaml."
    ),
    "RequestError.LOGIN_CUSTOMER_ID_PARAMETER_MISSING": Meaning(
        _A, Reaction.STOP_ACCOUNT, "the account is reached through a manager only", _ACCESS
    ),
    "HeaderError.INVALID_LOGIN_CUSTOMER_ID": Meaning(
        _X,
        Reaction.STOP_RUN,
        "the manager account is unknown or does not manage",
        "Correct login_customer_id in google-ads.yaml, or remove it: the manager is found by itself.",
    ),
    "HeaderError.INVALID_LINKED_CUSTOMER_ID": Meaning(
        _X,
        Reaction.STOP_RUN,
        "the linked account is unknown",
        "Correct linked_customer_id in google-ads.yaml.",
    ),
    # One account
    "AuthorizationError.USER_PERMISSION_DENIED": Meaning(_A, Reaction.STOP_ACCOUNT, "no permission", _ACCESS),
    "AuthorizationError.INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION": Meaning(
        _A, Reaction.STOP_ACCOUNT, "the manager does not manage this account", _ACCESS
    ),
    "AuthorizationError.CUSTOMER_NOT_ENABLED": Meaning(
        _A,
        Reaction.STOP_ACCOUNT,
        "not yet enabled, or deactivated (16 of 44 children of one manager account)",
        "Reactivate the account in Google Ads, or take it out of the file.",
    ),
    "AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT": Meaning(
        _A, Reaction.STOP_ACCOUNT, "the account is suspended", "Have the suspension lifted in Google Ads."
    ),
    "OperationAccessDeniedError.MUTATE_NOT_PERMITTED_FOR_CUSTOMER": Meaning(
        _A, Reaction.STOP_ACCOUNT, "the account takes no changes", "Ask Google Ads support about the account."
    ),
    "RequestError.CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT": Meaning(
        _A, Reaction.STOP_ACCOUNT, "a manager account has no ads", "Name the client account in the file."
    ),
    "RequestError.INVALID_CUSTOMER_ID": Meaning(
        _A, Reaction.STOP_ACCOUNT, "not a customer id", "Check the customer id in the file."
    ),
    "MutateError.EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": Meaning(
        _A,
        Reaction.STOP_ACCOUNT,
        "campaigns of the account lack the declaration on EU political advertising",
        "Make the declaration for all campaigns of the account in Google Ads.",
    ),
    "CustomerError.ACCOUNT_NOT_SET_UP": Meaning(
        _A, Reaction.STOP_ACCOUNT, "the account is not set up", "Finish the account's sign-up in Google Ads."
    ),
    # Success
    "AdGroupAdError.AD_GROUP_AD_LABEL_ALREADY_EXISTS": Meaning(
        _I, Reaction.ALREADY_THERE, "the ad carries the label"
    ),
    "AdGroupError.ADGROUP_LABEL_ALREADY_EXISTS": Meaning(
        _I, Reaction.ALREADY_THERE, "the ad group carries the label"
    ),
    "LabelError.DUPLICATE_NAME": Meaning(_I, Reaction.ALREADY_THERE, "the account has a label of that name"),
    # One item
    "MutateError.RESOURCE_NOT_FOUND": Meaning(_I, Reaction.FAIL_ITEM, "removed since it was read"),
    "PolicyFindingError.POLICY_FINDING": Meaning(_P, Reaction.FAIL_ITEM_AS_POLICY, "forbidden by a policy"),
    "PolicyViolationError.POLICY_ERROR": Meaning(_P, Reaction.FAIL_ITEM_AS_POLICY, "forbidden by a policy"),
}

# What an ad, its texts, its URLs or a label can be refused for: facts about the item.
_OF_ITEMS: Final = """
    AdCustomizerError AdError AdGroupAdError AdGroupError AdSharingError AdxError AssetError AssetLinkError
    CollectionSizeError ContextError DateError DistinctError FeedAttributeReferenceError FunctionError
    FunctionParsingError IdError ImageError LabelError ListOperationError MediaBundleError MediaFileError
    NotEmptyError NullError RangeError StringFormatError StringLengthError UrlFieldError
"""
# What only a wrongly built operation can be refused for: facts about us.
_OF_OPERATIONS: Final = """
    EnumError FieldError FieldMaskError MutateError NewResourceCreationError OperatorError
    PartialFailureError
"""
# Campaigns, budgets, uploads, reports ...: of calls that we never make.
_OF_OTHER_CALLS: Final = """
    AccessInvitationError AccountBudgetProposalError AccountLinkError ActionError AdGroupBidModifierError
    AdGroupCriterionCustomizerError AdGroupCriterionError AdGroupCustomizerError AdGroupFeedError
    AdParameterError AssetGenerationError AssetGroupAssetError AssetGroupError
    AssetGroupListingGroupFilterError AssetGroupSignalError AssetSetAssetError AssetSetError
    AssetSetLinkError AudienceError AudienceInsightsError AutomaticallyCreatedAssetRemovalError
    BatchJobError BenchmarksError BiddingError BiddingStrategyError BillingSetupError
    BrandGuidelinesMigrationError BusinessProfileLocationSyncError CampaignBudgetError
    CampaignConversionGoalError CampaignCriterionError CampaignCustomizerError CampaignDraftError
    CampaignError CampaignExperimentError CampaignFeedError CampaignGoalConfigError CampaignSharedSetError
    ChangeEventError ChangeStatusError ClickViewError ContentCreatorInsightsError ConversionActionError
    ConversionAdjustmentUploadError ConversionCustomVariableError ConversionGoalCampaignConfigError
    ConversionUploadError ConversionValueRuleError ConversionValueRuleSetError CountryCodeError
    CriterionError CurrencyCodeError CurrencyError CustomAudienceError CustomConversionGoalError
    CustomInterestError CustomerClientLinkError CustomerCustomizerError CustomerFeedError
    CustomerManagerLinkError CustomerSkAdNetworkConversionValueSchemaError CustomerUserAccessError
    CustomizerAttributeError DataLinkError DateRangeError ExperimentArmError ExperimentError
    ExtensionFeedItemError ExtensionSettingError FeedError FeedItemError FeedItemSetError
    FeedItemSetLinkError FeedItemTargetError FeedItemValidationError FeedMappingError
    FinalUrlExpansionAssetViewError GeoTargetConstantSuggestionError GoalError IdentityVerificationError
    IncentiveError InvoiceError KeywordPlanAdGroupError KeywordPlanAdGroupKeywordError
    KeywordPlanCampaignError KeywordPlanCampaignKeywordError KeywordPlanError KeywordPlanIdeaError
    LanguageCodeError ManagerLinkError MediaUploadError MerchantCenterError MultiPartyAuthReviewError
    MultiplierError OfflineUserDataJobError PaymentsAccountError ProductLinkError ProductLinkInvitationError
    ReachPlanError RecommendationError RecommendationSubscriptionError RegionCodeError
    SearchTermInsightError SettingError ShareablePreviewError SharedCriterionError SharedSetError
    ShoppingProductError SmartCampaignError ThirdPartyAppAnalyticsLinkError TimeZoneError UserDataError
    UserListCustomerTypeError UserListError VideoCampaignError VideoReservationError
    YoutubeVideoRegistrationError
"""

_BY_KIND: Final[dict[str, Meaning]] = {
    **dict.fromkeys(_OF_ITEMS.split(), Meaning(_I, Reaction.FAIL_ITEM, "breaks a rule for ads or labels")),
    **dict.fromkeys(
        _OF_OPERATIONS.split(), Meaning(_X, Reaction.FAIL_ITEM, "an operation that we built wrongly")
    ),
    **dict.fromkeys(_OF_OTHER_CALLS.split(), Meaning(_X, Reaction.FAIL_ITEM, "of a call that we never make")),
    "AuthenticationError": Meaning(
        _X, Reaction.STOP_RUN, "Google does not accept the credentials", NEW_LOGIN
    ),
    "AuthorizationError": Meaning(
        _A, Reaction.STOP_ACCOUNT, "the user may not do this in this account", _ACCESS
    ),
    "PolicyFindingError": Meaning(_P, Reaction.FAIL_ITEM_AS_POLICY, "forbidden by a policy"),
    "PolicyViolationError": Meaning(_P, Reaction.FAIL_ITEM_AS_POLICY, "forbidden by a policy"),
    "PolicyValidationParameterError": Meaning(_X, Reaction.FAIL_ITEM, "we ask for no exemption"),
    "OperationAccessDeniedError": Meaning(_I, Reaction.FAIL_ITEM, "not allowed on this ad group or campaign"),
    "ResourceAccessDeniedError": Meaning(_I, Reaction.FAIL_ITEM, "not allowed on this resource"),
    "ResourceCountLimitExceededError": Meaning(_I, Reaction.FAIL_ITEM, "the ad group or account is full"),
    "InternalError": Meaning(_T, Reaction.READ_BACK, "some fault of Google's"),
    "DatabaseError": Meaning(_T, Reaction.READ_BACK, "some conflict in Google's database"),
    "QuotaError": Meaning(_T, Reaction.RETRY, "some rate limit"),
    "SizeLimitError": Meaning(_T, Reaction.SMALLER_BATCH, "too large"),
    "RequestError": Meaning(_X, Reaction.FAIL_ITEM, "a request that we built wrongly"),
    "QueryError": Meaning(_X, Reaction.FAIL_ITEM, "a query that we built wrongly"),
    "HeaderError": Meaning(_X, Reaction.STOP_RUN, "a header that we built wrongly"),
    "CustomerError": Meaning(_A, Reaction.STOP_ACCOUNT, "the account is not fit for this"),
    "NotAllowlistedError": Meaning(_A, Reaction.STOP_ACCOUNT, "a feature that the account does not have"),
}


def meaning_of(code: str) -> Meaning:
    """What a code of Google's means; never fails."""
    return _BY_CODE.get(code) or _BY_KIND.get(code.partition(".")[0]) or _UNLISTED


def is_listed(code: str) -> bool:
    """Whether the code has a class of its own or by its kind."""
    return code in _BY_CODE or code.partition(".")[0] in _BY_KIND
