"""An account's labels. A label is a hint, never proof."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class LabelBook:
    """The enabled labels of one account. Several ids of one name count as one."""

    ids: dict[str, frozenset[int]] = field(default_factory=dict)

    @cached_property
    def _names(self) -> dict[int, str]:
        return {label_id: name for name, label_ids in self.ids.items() for label_id in label_ids}

    def ids_of(self, name: str) -> frozenset[int]:
        """Every id of that name; none where the label does not exist."""
        return self.ids.get(name, frozenset())

    def names_of(self, label_ids: Iterable[int]) -> frozenset[str]:
        """The names of these labels; one that is removed has none."""
        return frozenset(self._names[label_id] for label_id in label_ids if label_id in self._names)
