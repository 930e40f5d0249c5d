"""What people type, by command: shown below its `--help`, and parsed by a test, so that none is stale."""

from collections.abc import Mapping, Sequence

__all__ = ["EXAMPLES", "shown"]

# command -> (what is typed, what it is for)
EXAMPLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "demo": (
        ("themaads demo", "stays until Ctrl-C: look around"),
        ("themaads demo --once", "ends by itself: 0 when all of it is correct"),
    ),
    "up": (
        ("themaads up", "without Google credentials: emulated accounts"),
        ("THEMAADS_GOOGLE_ADS_CONFIG=~/google-ads.yaml themaads up", "real accounts"),
    ),
    "submit": (
        ("themaads submit shoes.csv --theme bf --dry-run", "what would be done, as a file"),
        ("themaads submit shoes.csv --theme bf --limit 10", "a trial of ten ad groups"),
        ("themaads submit shoes.csv --theme bf --wait && echo finished", "in a script"),
    ),
    "preview": (
        ("themaads preview shoes.csv --theme bf", "three ads beside their originals"),
        ("themaads preview black_friday.csv --rows 20", "the theme is in the file's name"),
    ),
    "status": (
        ("themaads status", "all uploads, in a table"),
        ("themaads status 213 --follow", "live, until it ends"),
        ("themaads status 213 --json | jq .percent", "in a script"),
        ("themaads status 213 --exit-code > /dev/null || echo not finished", "in a script, at once"),
        ("themaads status 213 --follow --json --timeout 3600", "a line at each change, for an hour"),
    ),
    "dashboard": (
        ("themaads dashboard", "at http://127.0.0.1:3100"),
        ("themaads dashboard --read-only --port 8080", "for a screen on the wall"),
    ),
    "outcomes": (
        ("themaads outcomes 213", "counts by reason"),
        ("themaads outcomes 213 --category policy", "what policy refused, ad group by ad group"),
        ("themaads outcomes 213 --account 123-456-7890 --state failed --rows 50", "of one account"),
        ("themaads outcomes 213 --theme kerst --csv kerst.csv", "one theme of a list with several"),
        ("themaads outcomes --patterns", "which texts and pages policy refused, of all uploads"),
    ),
    "review": (("themaads review 213", "a day later; exit code 1 when some were disapproved"),),
    "lessons": (
        ("themaads lessons --account 123-456-7890", "what is not sent there again"),
        ("themaads lessons forget 7", "Google granted an exception"),
    ),
    "pause": (("themaads pause 213", "what is in flight is settled first"),),
    "resume": (("themaads resume 213", "it goes on where it was"),),
    "retry": (
        ("themaads retry 213", "all that failed"),
        ("themaads retry 213 --category temporary", "what may go well now"),
        ("themaads retry 213 --skipped --code no_ad_to_copy", "they have an ad to copy by now"),
    ),
    "themes": (
        ("themaads themes", "all, with their next editions"),
        ("themaads themes kerst", "the texts of one, as a searcher sees them now"),
    ),
    "alerts": (("themaads alerts test", "a test message to every channel"),),
    "emulator": (("themaads emulator --profile realistic", "as slow as real accounts"),),
    "prune": (("themaads prune --older-than 90d", "shows what would go, and asks"),),
    "restored": (("themaads restored", "after an older backup was put back, before `themaads up`"),),
    "migrate": (
        ("themaads migrate", "before a new release runs on a database of yours"),
        ("themaads migrate --grant-to themaads", "as the owner: stack and runs then work as that role"),
    ),
    "postgres": (
        ("themaads postgres start", "prints its URL"),
        ('psql "$(themaads postgres url)"', "look into the ledger"),
    ),
    "doctor": (
        ("themaads doctor", "before the first run"),
        ("themaads doctor shoes.csv", "also: which of its accounts can have no ads"),
    ),
    "completion": (
        ('eval "$(themaads completion bash)"', "in ~/.bashrc; with zsh the same in ~/.zshrc"),
        ("themaads completion fish > ~/.config/fish/completions/themaads.fish", "once"),
    ),
}


def shown(command: str) -> str | None:
    """The examples of a command as its help has them; None where there are none."""
    examples = EXAMPLES.get(command, ())
    lines = [line for typed, purpose in examples for line in (f"  {typed}", f"      {purpose}")]
    return "\n".join(["\b", "Examples:", *lines]) if lines else None
