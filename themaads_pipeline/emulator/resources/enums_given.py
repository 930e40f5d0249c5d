"""Enums as clients send them: a number that no version knows, and UNKNOWN, which nobody may ask for."""

from themaads_pipeline.emulator.failures import Errors, Path
from themaads_pipeline.emulator.messages import Message

_ENUM, _MESSAGE, _UNKNOWN = 14, 11, 1


def check_enums(message: Message, errors: Errors, path: Path) -> None:
    """Adds an error for every enum of the message, and of those within it, that has an impossible value."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        if field.type == _MESSAGE:
            for index, inner in enumerate(values):
                check_enums(inner, errors, (*path, (field.name, index if field.is_repeated else None)))
        elif field.type == _ENUM:
            for number in values:
                if number not in field.enum_type.values_by_number:
                    message_text = f"Enum value '{number}' is invalid."
                    errors.add(
                        "RequestError.INVALID_ENUM_VALUE",
                        (*path, (field.name, None)),
                        message=message_text,
                        trigger=str(number),
                    )
                elif number == _UNKNOWN:
                    errors.add("EnumError.ENUM_VALUE_NOT_PERMITTED", (*path, (field.name, None)))
