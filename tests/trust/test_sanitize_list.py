"""The list of arithmetic that may wrap covers what it names, and nothing else."""

from tools.sanitize import kernels

SAID = """
INFO: Loaded 6 modules
build/c/mms/scan.c:10:5: runtime error: unsigned integer overflow: 3 - 4 cannot be represented in type 'unsigned int'
    #0 0x7f00 in mms_slot /x/mmscodec_layout.h:52:1
    #1 0x7f01 in __pyx_f_8mmscodec_8_kernels_3mms_4scan_scan_loop scan.c:9:1
build/c/mms/scan.c:12:5: runtime error: unsigned integer overflow: 1 + 18446744073709551615 cannot be represented in type 'unsigned long'
    #0 0x7f00 in __pyx_f_8mmscodec_8_kernels_3mms_4scan_scan_loop scan.c:12:5
build/c/mms/scan.c:13:5: runtime error: left shift of 255 by 30 places cannot be represented in type 'int'
    #0 0x7f00 in mms_slot /x/mmscodec_layout.h:53:1
"""  # noqa: E501


def test_what_the_list_does_not_name_is_a_finding():
    found = kernels.places(SAID)
    assert len(found) == 3
    assert {place.partition(":")[0] for place in kernels.unmeant(found)} == {
        "__pyx_f_8mmscodec_8_kernels_3mms_4scan_scan_loop", "mms_slot",
    }  # fmt: skip
    assert not any(place.startswith("mms_slot: unsigned") for place in kernels.unmeant(found))


def test_every_line_of_the_list_is_under_words_of_the_sanitizer():
    assert len(kernels.meant()) > 20
    assert {words for words, _ in kernels.meant()} == {
        "unsigned integer overflow", "left shift", "implicit conversion",
    }  # fmt: skip
