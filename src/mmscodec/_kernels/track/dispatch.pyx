# See dispatch.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.wire cimport likely, prefetch, unlikely
from mmscodec._kernels.mms.state cimport mms_stream_t
from mmscodec._kernels.net.network cimport plain_ipv4
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, TCP_ACK, TCP_SYN, segment_t
from mmscodec._kernels.track.connection cimport (
    CONNECTION_ASKED, CONNECTION_OTHER, connection_evict, connection_judge,
    connection_keep_attempt, connection_replace, connection_unsure, judgement_t,
)
from mmscodec._kernels.track.datagrams cimport take_udp
from mmscodec._kernels.track.fast_path cimport fast_begin, fast_end, fast_rows_t, fast_take
from mmscodec._kernels.track.flow_cache cimport (
    flow_cache_find, flow_cache_prefetch, flow_cache_put, flow_cache_resize,
)
from mmscodec._kernels.track.flow_table cimport (
    attempt_t, connection_at, connection_t, flow_of, flow_t, flow_table_add, flow_table_find,
    flow_table_kept, flow_table_note_syn, flow_table_pair, flow_table_peek, flow_table_prefetch,
    flow_table_scope, scope_of, segment_hash,
)
from mmscodec._kernels.track.mended cimport mended_apply
from mmscodec._kernels.track.options cimport is_chosen
from mmscodec._kernels.track.sources cimport ARENA, current_source
from mmscodec._kernels.track.tcp_segment cimport take_tcp

cdef struct place_t:
    # where a segment's flow is, as far as that is known
    int64_t number  # of the connection, -1: not known
    int side
    size_t fast  # of the flow, in the table of connections; 0: not by the fast path


cdef void complete(const tracker_t *t, item_t *item) noexcept nogil:
    # all that is to be known of a plain segment
    cdef record_t record
    record.data = item.frame
    record.caplen = item.caplen
    plain_ipv4(&record, &item.segment)
    item.hash = segment_hash(&t.flows, &item.segment)
    item.complete = True


cdef int64_t begin_connection(tracker_t *t, const item_t *item) noexcept nogil:
    # the number of a new connection, or -1 without memory
    cdef size_t mask
    cdef int64_t number
    if t.flows.count >= t.options.max_flows and connection_evict(t) != 0:
        return -1
    mask = t.flows.mask
    number = flow_table_add(&t.flows, &item.segment, item.hash)
    if number >= 0 and unlikely(t.flows.mask != mask) \
            and flow_cache_resize(&t.cache, t.flows.mask + 1) != 0:
        return -1
    return number


cdef int64_t begin_behind(tracker_t *t, const item_t *item, uint32_t scope) noexcept nogil:
    # the same on ports that another connection had; `scope`: where the other side was seen
    cdef int64_t number = begin_connection(t, item)
    if number >= 0:
        flow_table_scope(&t.flows, <uint32_t>number, scope)
    return number


cdef int take_other(tracker_t *t, uint32_t number, int side, const item_t *item) noexcept nogil:
    # The connection ends, another one begins with a SYN that was kept, if there is one, and this
    # segment of `side`.
    cdef attempt_t *attempt
    cdef item_t first
    cdef int64_t other
    cdef uint32_t scope = scope_of(connection_at(&t.flows, number), 1 - side)
    cdef int status = 0
    if connection_replace(t, number, &attempt) != 0:
        free(attempt)
        return -1
    if attempt == NULL:
        other = begin_behind(t, item, scope)
        return -1 if other < 0 else take_tcp(t, <uint32_t>other, 0, item)
    first = item[0]
    first.segment = attempt.segment
    first.hash = segment_hash(&t.flows, &first.segment)  # of its own scope
    first.time = attempt.time
    first.place = ARENA()
    first.stable = False
    first.frame = NULL
    other = begin_behind(t, &first, scope if attempt.side == side else item.segment.scope)
    status = -1 if other < 0 else take_tcp(t, <uint32_t>other, 0, &first)
    if status == 0:
        side = flow_of(connection_at(&t.flows, <size_t>other), &item.segment)
        if unlikely(side < 0):  # no room for its scope
            other, side = begin_connection(t, item), 0
        status = -1 if other < 0 else take_tcp(t, <uint32_t>other, side, item)
    free(attempt)
    return status


cdef int keep_attempt(tracker_t *t, uint32_t number, int side, const item_t *item) noexcept nogil:
    # hold a SYN that may begin another connection on these ports. 0, or -1 without memory
    flow_table_note_syn(&t.flows, number, &item.segment)
    return connection_keep_attempt(
        connection_at(&t.flows, number), side, &item.segment, item.time)


cdef inline bint is_answer(const segment_t *s) noexcept nogil:
    # is it a SYN-ACK?
    return s.protocol == PROTOCOL_TCP \
        and s.tcp_flags & (TCP_SYN | TCP_ACK) == (TCP_SYN | TCP_ACK)


cdef int take(tracker_t *t, item_t *item, place_t *place) noexcept nogil:
    # one segment, by the slow path
    cdef const segment_t *s = &item.segment
    cdef int64_t number = place.number
    cdef int side = place.side
    cdef judgement_t verdict
    t.counters.last_time = item.time
    if not item.complete:
        complete(t, item)
    if unlikely(t.mended.count != 0) and mended_apply(
        &t.mended, &t.extents, &t.sources, &item.segment, item.place
    ):
        item.place = ARENA()
        item.stable = False
    if unlikely(number < 0):
        number = flow_table_find(&t.flows, s, item.hash, &side)
    if number >= 0 and s.protocol == PROTOCOL_TCP \
            and unlikely(connection_unsure(connection_at(&t.flows, <size_t>number), s)):
        verdict = connection_judge(t, connection_at(&t.flows, <size_t>number), side, s)
        if verdict == CONNECTION_ASKED:
            return keep_attempt(t, <uint32_t>number, side, item)
        if verdict == CONNECTION_OTHER:
            return take_other(t, <uint32_t>number, side, item)
    if unlikely(number < 0):
        if not is_chosen(&t.options, s):
            return 0
        if is_answer(s):
            number = flow_table_kept(&t.flows, s)
            if number >= 0:
                side = 1 - connection_at(&t.flows, <size_t>number).attempt.side
                return take_other(t, <uint32_t>number, side, item)
            number = flow_table_pair(&t.flows, s)
            side = 1
        if number < 0:
            number = begin_connection(t, item)
            side = 0
        if number < 0:
            return -1
    if s.protocol != PROTOCOL_TCP:
        return take_udp(t, <uint32_t>number, side, item)
    if item.frame != NULL:
        flow_cache_put(
            &t.cache, item.addresses, item.ports, (<uint32_t>number << 1) + <uint32_t>side + 1)
    return take_tcp(t, <uint32_t>number, side, item)


cdef void dispatch_prefetch(const tracker_t *t, const item_t *item) noexcept nogil:
    if likely(not item.complete):
        flow_cache_prefetch(&t.cache, item.addresses, item.ports)
    else:
        flow_table_prefetch(&t.flows, item.hash)


cdef inline bint find_cached(tracker_t *t, item_t *item, place_t *place) noexcept nogil:
    # a plain segment by the flow cache; the others are completed
    cdef uint32_t found = 0
    cdef uint8_t *flow
    place.number = -1
    place.side = 0
    place.fast = 0
    if likely(not item.complete):
        found = flow_cache_find(&t.cache, item.addresses, item.ports)
    if likely(found != 0):
        place.number = (found - 1) >> 1
        place.side = (found - 1) & 1
        flow = <uint8_t *>&connection_at(&t.flows, <size_t>place.number).flow[place.side]
        place.fast = <size_t>(flow - t.flows.connections.data)
        prefetch(flow)
        prefetch(flow + 63)
        return True
    if not item.complete:
        complete(t, item)
        flow_table_prefetch(&t.flows, item.hash)
    return False


cdef void find_others(
    tracker_t *t, const item_t *items, size_t count, place_t *places
) noexcept nogil:
    # complete segments: which side of which connection
    cdef connection_t *c
    cdef flow_t *flow
    cdef mms_stream_t *stream
    cdef size_t i
    for i in range(count):
        if items[i].complete:
            places[i].number = flow_table_peek(&t.flows, items[i].hash)
            if places[i].number >= 0:
                prefetch(connection_at(&t.flows, <size_t>places[i].number))
    for i in range(count):
        if not items[i].complete or places[i].number < 0:
            continue
        c = connection_at(&t.flows, <size_t>places[i].number)
        places[i].side = flow_of(c, &items[i].segment)
        if places[i].side < 0:
            places[i].number = -1
            continue
        flow = &c.flow[places[i].side]
        prefetch(flow)
        prefetch(<uint8_t *>flow + 64)
        prefetch(<uint8_t *>flow + 128)
    for i in range(count):
        if not items[i].complete or places[i].number < 0:
            continue
        flow = &connection_at(&t.flows, <size_t>places[i].number).flow[places[i].side]
        stream = flow.mms
        if stream != NULL:
            prefetch(stream)
            prefetch(&stream.tail)


cdef int dispatch_batch(tracker_t *t, item_t *items, size_t count) noexcept nogil:
    # With many flows every step is a cache miss: each is asked for while others are waited for.
    cdef place_t places[DISPATCH_BATCH]
    cdef bint all_cached = True
    cdef bint addressable = current_source(&t.sources).addressable and t.mended.count == 0
    cdef fast_rows_t out
    cdef size_t i, j
    for i in range(count):
        if not find_cached(t, items + i, places + i):
            all_cached = False
    if not all_cached:
        find_others(t, items, count, places)
    fast_begin(t, &out)
    for i in range(count):
        if likely(places[i].fast != 0 and addressable) and likely(fast_take(
            &out, <flow_t *>(t.flows.connections.data + places[i].fast), &items[i].segment,
            items[i].place, items[i].time
        )):
            continue
        fast_end(t, &out)
        if unlikely(take(t, items + i, places + i) != 0 or t.extents.starved):
            return -1
        if unlikely(t.reshaped):
            # a connection ended: what was found before may be another one now
            for j in range(i + 1, count):
                places[j].number = -1
                places[j].fast = 0
            t.reshaped = False
        fast_begin(t, &out)
    fast_end(t, &out)
    return 0


cdef int dispatch_items(tracker_t *t, item_t *items, size_t count) noexcept nogil:
    cdef size_t i = 0, j, n, ahead
    while i < count:
        n = DISPATCH_BATCH if count - i > DISPATCH_BATCH else count - i
        ahead = DISPATCH_BATCH if count - i - n > DISPATCH_BATCH else count - i - n
        for j in range(ahead):
            dispatch_prefetch(t, items + i + n + j)
            prefetch(items[i + n + j].segment.payload)  # another thread looked at the frame
        if dispatch_batch(t, items + i, n) != 0:
            return -1
        i += n
    return 0
