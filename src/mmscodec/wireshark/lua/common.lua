local bxor = (bit32 or bit or {}).bxor or load("return function(a, b) return a ~ b end")()
local band = (bit32 or bit or {}).band or load("return function(a, b) return a & b end")()
local stream_number, lost = Field.new("tcp.stream"), Field.new("tcp.analysis.lost_segment")
local FAMILY = { utf16 = ENC_UTF_16 + ENC_LITTLE_ENDIAN, ansi = ENC_ISO_8859_1,
  cstr = ENC_ISO_8859_1, quoted = ENC_ISO_8859_1, ipv4 = ENC_BIG_ENDIAN, bytes = ENC_NA }

-- ProtoFields of a protocol from rows {maker, name, label, base, value names, note}
local P = {}
local function declare(proto, rows)
  local made = {}
  for i, row in ipairs(rows) do
    local maker, name, label, base_, names, note = table.unpack(row, 1, 6)
    local make = ProtoField[maker]
    if maker == "bool" then
      made[i] = make(name, label, base_, names, note)
    elseif base_ then
      made[i] = make(name, label, base[base_], names, nil, note)
    elseif maker == "string" then
      made[i] = make(name, label, base.UNICODE, note)
    elseif maker == "bytes" then
      made[i] = make(name, label, base.NONE, note)
    else
      made[i] = make(name, label, note)
    end
  end
  local first = #rows + 1
  made[first] = ProtoField.string(proto.name:lower() .. ".name", "Name")
  P[proto.name:lower()] = made
  proto.fields = made
end

local function ends_of(pinfo)
  local a = tostring(pinfo.src) .. ":" .. pinfo.src_port
  return a, tostring(pinfo.dst) .. ":" .. pinfo.dst_port
end

-- A key of the connection; without a tree, as in the first of two passes, fields are not there
local function connection_of(pinfo)
  local number = stream_number()
  if number then return number.value end
  local a, b = ends_of(pinfo)
  return a < b and a .. b or b .. a
end

local function le(bytes, at, size)
  local value = 0
  for i = at + size - 1, at, -1 do value = value * 256 + bytes:byte(i) end
  return value
end

-- A field of `size` bytes at `at`; its number where it has one
local function put(tree, made, f, tvb, at, size)
  if f.i then
    local inner, from = tree:add(tvb(at, size), f.d), at
    for _, g in ipairs(f.i) do
      put(inner, made, g, tvb, from, g.z)
      from = from + g.z
    end
    return
  end
  local bytes = size > 0 and tvb:raw(at, size) or ""
  local shown = size
  if f.k == "ansi" and f.z then
    shown = (bytes:find("\0", 1, true) or size + 1) - 1
  end
  tree:add_packet_field(made[f.p], tvb(at, shown), FAMILY[f.k] or ENC_LITTLE_ENDIAN)
  for _, bit in ipairs(f.f or {}) do tree:add_le(made[bit], tvb(at, size)) end
  if f.z and f.z <= 4 and f.k ~= "bytes" and f.k ~= "ansi" then return le(bytes, 1, f.z) end
end
