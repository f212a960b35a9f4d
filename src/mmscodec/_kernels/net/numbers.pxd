# Numbers of link types, Ethernet types, IP protocols and UDP ports, by their registered names.

cdef enum linktype_t:
    # the tcpdump group's list of LINKTYPE_ values
    LINKTYPE_NULL = 0
    LINKTYPE_ETHERNET = 1
    LINKTYPE_ARCNET_BSD = 7
    LINKTYPE_PPP = 9
    LINKTYPE_RAW_12 = 12  # raw IP as some systems number it
    LINKTYPE_RAW_14 = 14
    LINKTYPE_PPP_HDLC = 50
    LINKTYPE_PPP_ETHER = 51
    LINKTYPE_ATM_RFC1483 = 100
    LINKTYPE_RAW = 101
    LINKTYPE_C_HDLC = 104
    LINKTYPE_IEEE802_11 = 105
    LINKTYPE_FRELAY = 107
    LINKTYPE_LOOP = 108
    LINKTYPE_LINUX_SLL = 113
    LINKTYPE_IEEE802_11_RADIOTAP = 127
    LINKTYPE_ARCNET_LINUX = 129
    LINKTYPE_JUNIPER_ETHER = 178
    LINKTYPE_PPI = 192
    LINKTYPE_PPP_WITH_DIR = 204
    LINKTYPE_IPV4 = 228
    LINKTYPE_IPV6 = 229
    LINKTYPE_NFLOG = 239
    LINKTYPE_PKTAP = 258
    LINKTYPE_LINUX_SLL2 = 276

cdef enum ethertype_t:
    ETHERTYPE_LEAST = 0x0600  # what is less is a length
    ETHERTYPE_IPV4 = 0x0800
    ETHERTYPE_ERSPAN3 = 0x22EB
    ETHERTYPE_TRANSPARENT_BRIDGING = 0x6558
    ETHERTYPE_VLAN = 0x8100
    ETHERTYPE_IPV6 = 0x86DD
    ETHERTYPE_PPP = 0x880B
    ETHERTYPE_WCCP = 0x883E
    ETHERTYPE_MPLS = 0x8847
    ETHERTYPE_MPLS_UPSTREAM = 0x8848
    ETHERTYPE_PPPOE_SESSION = 0x8864
    ETHERTYPE_QINQ = 0x88A8
    ETHERTYPE_ERSPAN2 = 0x88BE
    ETHERTYPE_BACKBONE = 0x88E7
    ETHERTYPE_FABRICPATH = 0x8903
    ETHERTYPE_VN_TAG = 0x8926
    ETHERTYPE_8021BR = 0x893F
    ETHERTYPE_NSH = 0x894F
    ETHERTYPE_QINQ_OLD1 = 0x9100
    ETHERTYPE_QINQ_OLD2 = 0x9200
    ETHERTYPE_QINQ_OLD3 = 0x9300

cdef enum next_protocol_t:
    # of NSH (RFC 8300), the first five of VXLAN-GPE as well
    NEXT_IPV4 = 1
    NEXT_IPV6 = 2
    NEXT_ETHERNET = 3
    NEXT_NSH = 4
    NEXT_MPLS = 5

cdef enum ppp_protocol_t:
    PPP_IPV4 = 0x21
    PPP_IPV6 = 0x57
    PPP_MPLS = 0x281
    PPP_MPLS_MULTICAST = 0x283

cdef enum address_family_t:
    # of IPv4 the same everywhere, of IPv6 each system has its own
    FAMILY_IPV4 = 2
    FAMILY_IPV6_LINUX = 10
    FAMILY_IPV6_BSD = 24
    FAMILY_IPV6_FREEBSD = 28
    FAMILY_IPV6_DARWIN = 30

cdef enum hardware_t:
    # ARPHRD_ values of Linux cooked captures, where the protocol is no Ethernet type
    HARDWARE_RADIOTAP = 803
    HARDWARE_NETLINK = 824

cdef enum cooked_protocol_t:
    COOKED_ETHERNET = 1
    COOKED_LLC = 4

cdef enum organisation_t:
    # of SNAP headers
    ORGANISATION_8021H = 0x0000F8  # RFC 1042 bridging of types that 802.1H lists
    ORGANISATION_BRIDGED = 0x0080C2  # RFC 2684

cdef enum bridged_t:
    # bridged Ethernet, by whether its check sum follows
    BRIDGED_ETHERNET_FCS = 1
    BRIDGED_ETHERNET = 7

cdef enum arcnet_t:
    ARCNET_IPV6 = 196
    ARCNET_IPV4 = 212
    ARCNET_IPV4_OLD = 240  # RFC 1051

cdef enum ip_protocol_t:
    IP_HOP_BY_HOP = 0
    IP_IPV4 = 4
    IP_IPV6 = 41
    IP_ROUTING = 43
    IP_FRAGMENT = 44
    IP_GRE = 47
    IP_AUTHENTICATION = 51
    IP_DESTINATION = 60
    IP_ETHERIP = 97
    IP_COMPRESSION = 108
    IP_MOBILITY = 135
    IP_MPLS = 137
    IP_HIP = 139
    IP_SHIM6 = 140

cdef enum tunnel_port_t:
    # UDP ports
    PORT_TEREDO = 3544
    PORT_LISP_DATA = 4341
    PORT_VXLAN = 4789
    PORT_VXLAN_GPE = 4790
    PORT_AYIYA = 5072
    PORT_GENEVE = 6081
