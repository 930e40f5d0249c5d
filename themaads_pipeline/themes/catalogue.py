"""Reads the theme files: ours, and the user's, which override and extend them."""

from pathlib import Path

import yaml

from themaads_pipeline.model.catalogue import Catalogue, clashes
from themaads_pipeline.model.themes import Theme

_OURS = Path(__file__).parent


def load_catalogue(theme_dir: Path | None) -> Catalogue:
    """Every theme that is right, and what is wrong with the others.

    A user's theme of one of our names replaces ours. A broken one is left out with all its problems told,
    and never stops the others: an upload for Sinterklaas must not fail because of a slip in one for Easter.
    """
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for theme, file_name in _themes_of(_OURS, problems):
        _add(theme, file_name, themes, problems, warnings)
    if theme_dir is not None:
        ours = frozenset(themes)
        named_in: dict[str, str] = {}
        found = _themes_of(theme_dir, problems)
        for theme, file_name in sorted(found, key=lambda pair: (pair[0].name not in ours, pair[1])):
            if first := named_in.get(theme.name):
                problems.append(f"{file_name}: name: {theme.name!r} is taken by {first}: choose another")
            elif _add(theme, file_name, themes, problems, warnings):
                named_in[theme.name] = file_name
    return Catalogue(
        themes=tuple(themes[name] for name in sorted(themes)),
        problems=tuple(problems),
        warnings=tuple(warnings),
    )


def _add(
    theme: Theme, file_name: str, themes: dict[str, Theme], problems: list[str], warnings: list[str]
) -> bool:
    others = [other for name, other in themes.items() if name != theme.name]
    if found := clashes(theme, others):
        problems.extend(f"{file_name}: {problem}" for problem in found)
        return False
    themes[theme.name] = theme
    warnings.extend(f"{file_name}: {warning}" for warning in theme.warnings)
    return True


def _themes_of(folder: Path, problems: list[str]) -> list[tuple[Theme, str]]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".yaml", ".yml"})
    except OSError as error:
        reason = error.strerror or str(error)
        problems.append(
            f"{folder}: cannot be read as a folder of themes ({reason}): create it or name another"
        )
        return []
    found: list[tuple[Theme, str]] = []
    for path in files:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            problems.append(f"{path.name}: cannot be read ({error.strerror or error}): check its rights")
        except UnicodeDecodeError:
            problems.append(f"{path.name}: is not UTF-8 text: save it as UTF-8")
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            problems.append(f"{path.name}: {_yaml_sentence(error)}")
        else:
            theme, wrong = Theme.read(content, file_name=path.name)
            problems.extend(wrong)
            if theme is not None:
                found.append((theme, path.name))
    return found


def _yaml_sentence(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark is not None else ""
    what = getattr(error, "problem", None) or type(error).__name__
    return f"{where}cannot be read as YAML ({what}): put texts that hold {{ }} : or # in quotes"
