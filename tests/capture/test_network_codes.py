"""The numbers in the kernel are those of the schema."""

import re
from pathlib import Path

from mmscodec.schema.faults import FAULT_FIELDS, FaultCode

SOURCE = Path(__file__).parents[2] / "src" / "mmscodec" / "_kernels" / "net" / "cursor.pxd"


def test_kernel_fault_codes_and_fields_are_those_of_the_schema():
    constants = dict(re.findall(r"^    (\w+) = (\d+)", SOURCE.read_text(), re.M))
    codes = {name[6:]: int(n) for name, n in constants.items() if name.startswith("FAULT_")}
    assert codes == {name: FaultCode[name] for name in codes}
    fields = {name[6:]: int(n) for name, n in constants.items() if name.startswith("FIELD_")}
    words = {"LINK": "link header", "IP": "IP header", "FRAGMENT": "fragment"}
    words |= {"TCP": "TCP header", "UDP": "UDP header", "TUNNEL": "tunnel header"}
    assert {name: FAULT_FIELDS[n] for name, n in fields.items()} == words
