# The state of a pass, one member a concern. Each member is written by the file that declares it.
from mmscodec._kernels.mms.state cimport mms_tables_t
from mmscodec._kernels.net.cursor cimport network_t
from mmscodec._kernels.net.pieces cimport tcp_pool_t
from mmscodec._kernels.track.counters cimport counters_t
from mmscodec._kernels.track.extents cimport extents_t
from mmscodec._kernels.track.flow_cache cimport flow_cache_t
from mmscodec._kernels.track.flow_rows cimport flow_rows_t
from mmscodec._kernels.track.flow_table cimport flow_table_t
from mmscodec._kernels.track.mended cimport mended_t
from mmscodec._kernels.track.memory_limit cimport memory_limit_t
from mmscodec._kernels.track.not_mms cimport not_mms_t
from mmscodec._kernels.track.options cimport options_t
from mmscodec._kernels.track.sources cimport sources_t
from mmscodec._kernels.track.stream_pool cimport stream_pool_t
from mmscodec._kernels.track.udp_ports cimport udp_ports_t

cdef struct tracker_t:
    options_t options
    counters_t counters
    sources_t sources
    network_t network
    flow_table_t flows
    flow_cache_t cache
    bint reshaped  # a connection left the table: what was found before may be another one
    tcp_pool_t pool
    mms_tables_t tables
    stream_pool_t streams
    flow_rows_t rows
    extents_t extents
    udp_ports_t udp_ports
    memory_limit_t limit
    mended_t mended
    not_mms_t not_mms
