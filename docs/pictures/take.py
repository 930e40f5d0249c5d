"""Takes the pictures of the dashboard: python docs/pictures/take.py [FOLDER], in the checkout.

From a season of uploads in a Postgres and an emulator of its own; with Debian's Chromium. Beside those that the pages show, FOLDER
gets one of each page in both themes, wide and narrow.
"""

import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.bench.place import a_place  # noqa: E402
from themaads_pipeline.ads.client import open_client  # noqa: E402
from themaads_pipeline.ads.gateway import Gateway  # noqa: E402
from themaads_pipeline.dashboard.app import create_app  # noqa: E402
from themaads_pipeline_tests.chromium import browser  # noqa: E402
from themaads_pipeline_tests.dashboards import site_of  # noqa: E402
from themaads_pipeline_tests.seeded_uploads import seed_uploads  # noqa: E402
from themaads_pipeline.settings import Settings  # noqa: E402

PAGES = {"overview": "/", "upload": "/uploads/213", "uploads": "/uploads", "retry": "/uploads/213/retry", "new": "/new"}
SHOWN = {"overview": 1180, "upload": 1230}  # pages of the documentation, and how much of their height


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        place = stack.enter_context(a_place())
        place.seed(accounts=3, ad_groups=60)
        seed_uploads(place.database_url)
        client = open_client(place.emulator.google_ads_yaml, trusted_roots=place.emulator.ca_file)
        stack.callback(client.close)
        url = place.database_url
        settings = Settings(home=place.home, database_url=url, web_url="http://127.0.0.1:3000", daily_operations=15_000)
        site = stack.enter_context(site_of(settings, gateway=Gateway(client)))
        server = uvicorn.Server(uvicorn.Config(create_app(site), port=0, log_level="error"))
        serving = threading.Thread(target=server.run, daemon=True)
        serving.start()
        while not server.started:
            time.sleep(0.05)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        chromium = stack.enter_context(browser())
        for scheme in ("light", "dark"):
            for width, height in ((1440, 900), (390, 844)):
                context = chromium.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB", timezone_id="UTC"
                )
                page = context.new_page()
                for name, path in PAGES.items():
                    page.goto(address + path)
                    page.wait_for_timeout(300)
                    page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
                    if (scheme, width) == ("light", 1440) and name in SHOWN:
                        page.set_viewport_size({"width": 1280, "height": SHOWN[name]})
                        page.screenshot(path=Path(__file__).parent / f"dashboard_{name}.png")
                        page.set_viewport_size({"width": width, "height": height})
                page.goto(f"{address}/new")
                rows = place.emulator.upload_file() + "123,,a row that cannot be used,,\n"
                list_ = {"name": "kerst NL.csv", "mimeType": "text/csv", "buffer": rows.encode()}
                page.set_input_files("input[type=file]", list_)
                page.get_by_role("button", name="See what it would do").click()
                page.wait_for_selector("[data-ready]")
                page.screenshot(path=folder / f"draft-{scheme}-{width}.png", full_page=True)
                context.close()
        server.should_exit = True
        serving.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build/pictures"))
