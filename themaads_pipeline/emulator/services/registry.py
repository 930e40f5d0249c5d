"""Every method that the emulator answers, by its path without the version."""

from themaads_pipeline.emulator.calls import Method
from themaads_pipeline.emulator.services import customers, google_ads, mutate_methods

METHODS: dict[str, Method] = {
    f"{method.service}/{method.name}": method
    for method in (*google_ads.METHODS, *mutate_methods.METHODS, *customers.METHODS)
}
