# What a plain session is made of: one file over TCP, numbers that rise, and nothing refused.
#
# Most sessions are plain, and are worked out here, all at once. Whatever is not plain is looked at
# by `sessions/session.py` alone, which is the definition: for a plain session both give the same.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.track.session_rows cimport control_t

cdef enum:
    MOST_ASKED = 256  # requests for headers and media; a session with more is not plain
    MOST_BREAKS = 768
    MOST_SEGMENTS = 1024

cdef struct media_row_t:
    # a row of `cap.data`
    int64_t offset
    uint32_t length
    uint32_t location_id
    uint8_t play_incarnation
    uint8_t af_flags
    uint8_t kind
    uint8_t unused[5]
    int64_t time
    int32_t flow
    uint8_t direction
    uint8_t padding[3]

cdef struct segment_row_t:
    # Data packets of one start of playback
    int32_t session
    uint8_t tag
    uint8_t padding[3]
    int64_t begin  # in the media of all sessions
    int64_t count
    int64_t request  # row in `messages`, -1
    int64_t first_row  # row in `data`
    int64_t first_time

cdef struct plain_row_t:
    # One row a session. Places are those in the array of a kind of message, rows those of
    # `messages` or `data`; times in ns; -1 = none. Written in full where `plain` stays 1.
    int64_t opened  # place of the ReportOpenFile
    int64_t funnel_info  # place of the last ReportFunnelInfo
    int64_t log  # place of the last LinkViewerToMacLogging
    int64_t file  # place of the last OpenFile
    int64_t connect  # time of the first Connect
    int64_t first_start  # time of the first StartPlaying
    int64_t started  # when the server first confirmed one
    int64_t stopped  # of the first StopPlaying or EndOfStream behind that
    int64_t end_hr  # of the last EndOfStream
    int64_t last_message
    int64_t heads  # where its header fragments begin in those of all sessions
    int64_t head_count
    int64_t head_parts  # as many of them are one header
    int64_t head_time  # when that was complete
    int64_t head_row
    int64_t media  # where its media packets begin in those of all sessions
    int64_t media_count
    int64_t media_bytes
    int64_t segments
    int64_t segment_count
    int64_t jumps
    int64_t left_out
    int64_t longest_gap
    int64_t stalls
    int64_t stalled
    int64_t playing
    int32_t seeks
    int32_t pauses
    int32_t switches
    int32_t server_major
    uint8_t plain
    uint8_t tcp  # a ConnectFunnel asked for TCP
    uint8_t connected
    uint8_t closed
    uint8_t finished
    uint8_t stopping
    uint8_t played_out
    uint8_t from_client
    uint8_t from_server
    uint8_t head_tag
    uint8_t head_complete
    uint8_t padding[5]

cdef struct kinds_t:
    # what the messages of some kinds say, by their place in the array of the kind
    const int32_t *place  # of each row of `messages`, -1 = it is too short for its fields
    const int32_t *major  # LinkMacToViewerReportConnectedEX: major version of the server
    const uint8_t *over_tcp  # LinkViewerToMacConnectFunnel
    const int64_t *first_place  # LinkViewerToMacStartPlaying: LocationId that it asks for
    const uint32_t *header_size  # LinkMacToViewerReportOpenFile

cdef struct asked_t:
    # a ReadBlock or StartPlaying, or its report alone
    int64_t incarnation
    int64_t time
    int64_t row  # of the request, -1
    uint8_t header

cdef struct plain_t:
    # a session while it is looked at
    bint interrupted
    const control_t *control
    const kinds_t *kinds
    const media_row_t *data
    int32_t session
    int32_t flow  # of the server
    plain_row_t *row
    asked_t asked[MOST_ASKED]
    size_t asked_count
    int64_t starts[MOST_ASKED]  # where reports of starts stand in the server's flow, ascending
    size_t start_count
    int64_t breaks[MOST_BREAKS]  # when playback was stopped or started, ascending
    size_t break_count
    uint8_t tags[256]  # TAG_ bits of what was asked by this tag
    int64_t *heads  # rows of `data`
    int64_t *media
    table_t *segments  # of all sessions

cdef enum:
    TAG_HEADER = 1
    TAG_MEDIA = 2
