/**
 * Lua scripts, which Valkey runs atomically, without other commands in between. The size of every data structure is bounded. The number,
 * total bytes and age of the stored messages are limited. Lookup tables (message keys, room offsets) have two generations: when the young
 * generation is full or too old, it replaces the old generation.
 */
import { createHash } from 'node:crypto'

export interface Script {
  text: string
  sha: string
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

export const keys = {
  /** The stream of room messages. */
  log: 'lab:log',
  /**
   * Hash with the last sequence number, the total bytes stored, the start times of the young generations, and the last number to which the
   * log fell back.
   */
  meta: 'lab:log:meta',
  /** Hashes that map each message key to the message's sequence number. */
  places: 'lab:log:places',
  placesBefore: 'lab:log:places:before',
  /** Hashes that map each room to its last offset. */
  offsets: 'lab:log:offsets',
  offsetsBefore: 'lab:log:offsets:before',
  session: (id: string) => `lab:session:${id}`,
  /** The channel that notifies a replica of sessions that other replicas have taken over from it. */
  taken: (instance: string) => `lab:taken:${instance}`,
  /** Hash that maps each replica to its load. */
  replicas: 'lab:replicas',
  /** Hash that maps each room to its number of members on one replica. */
  presence: (instance: string) => `lab:presence:${instance}`,
}

export const logKeys = [keys.log, keys.meta, keys.places, keys.placesBefore, keys.offsets, keys.offsetsBefore]

const clock = `
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
`

/**
 * Lua function that returns the last sequence number of the log. The log's last sequence number always increases, regardless of the clocks,
 * and even if Valkey has lost all or part of the log. An empty Valkey instance starts with a sequence number higher than `known`. If
 * Valkey restarted with older data and its last sequence number is below `known`, the function adds an entry without a message, whose
 * sequence number is higher than `known`. An entry without a message records that all entries between the previous entry and this one
 * were lost.
 */
const ending = `
local function idOf(seq) return whole(math.floor(seq / 1000)) .. '-' .. whole(seq % 1000) end
local function markWentBack(log, meta, after, seq, bytes)
  redis.call('XADD', log, idOf(seq), 'room', '', 'head', '', 'at', whole(nowMs), 'offset', 0, 'after', whole(after), 'key', '', 'bytes', whole(bytes))
  redis.call('HSET', meta, 'last', whole(seq), 'wentBackTo', whole(after))
  return seq
end
local function ending(log, meta, last, known, bytes)
  if not last then
    last = nowMs * 1000
    -- The clock may have been ahead: the log starts beyond everything that any replica may have read.
    if last <= known then last = known + 60000 * 1000 end
    redis.call('HSET', meta, 'last', whole(last))
  elseif last < known then
    last = markWentBack(log, meta, last, math.max(known + 1, nowMs * 1000), bytes)
  end
  return last
end
`

/** Maximum number of entries in each generation of the lookup tables; an entry needs about 100 bytes. */
export const maxPlaces = 150_000
export const maxRooms = 25_000
/** If no messages are sent to a room for this long, its message offsets may restart at 1. Milliseconds. */
export const roomsAgeMs = 3_600_000

/**
 * Stores a message once. KEYS: `logKeys`. ARGV: room, start of the message, publishing time, message key, highest sequence number known
 * to the publisher, maximum number of messages, maximum bytes, maximum age in ms, and the traceparent if the message is traced. Returns the
 * message's sequence number, and whether the message had already been stored. The script may exceed maxmemory (allow-oom), because the size
 * of its own data is bounded and other data in Valkey must not make it fail.
 */
export const publish = script(`#!lua flags=allow-oom
local log, meta, places, placesBefore, offsets, offsetsBefore = unpack(KEYS)
local room, head, publishedAtMs, key, known = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local before = redis.call('HGET', places, key) or redis.call('HGET', placesBefore, key)
if before then return {before, 1} end
${clock}${ending}
local state = redis.call('HMGET', meta, 'last', 'bytes', 'placesSince', 'offsetsSince', 'trimmedAt')

local function rotate(young, old, field, since, most, ageMs)
  if since and redis.call('HLEN', young) < most and nowMs - since < ageMs then return end
  redis.call('UNLINK', old)
  if redis.call('EXISTS', young) == 1 then redis.call('RENAME', young, old) end
  redis.call('HSET', meta, field, whole(nowMs))
end
rotate(places, placesBefore, 'placesSince', tonumber(state[3]), ${maxPlaces}, tonumber(ARGV[8]))
rotate(offsets, offsetsBefore, 'offsetsSince', tonumber(state[4]), ${maxRooms}, ${roomsAgeMs})

local last = ending(log, meta, tonumber(state[1]), known, tonumber(state[2]) or 0)
local seq = math.max(last + 1, nowMs * 1000)
local bytes = (tonumber(state[2]) or 0) + #head
if redis.call('HEXISTS', offsets, room) == 0 then
  local earlier = redis.call('HGET', offsetsBefore, room)
  if earlier then redis.call('HSET', offsets, room, earlier) end
end
local offset = redis.call('HINCRBY', offsets, room, 1)
local entry = {'room', room, 'head', head, 'at', publishedAtMs, 'offset', offset, 'after', whole(last), 'key', key, 'bytes', whole(bytes)}
if ARGV[9] then entry[15], entry[16] = 'trace', ARGV[9] end
redis.call('XADD', log, 'MAXLEN', '~', ARGV[6], idOf(seq), unpack(entry))
redis.call('HSET', places, key, whole(seq))
redis.call('HSET', meta, 'last', whole(seq), 'bytes', whole(bytes))

local maxBytes = tonumber(ARGV[7])
local step = math.max(1, maxBytes / 64)
local stepped = math.floor(bytes / step) ~= math.floor((bytes - #head) / step)
if stepped or nowMs - (tonumber(state[5]) or 0) >= 1000 then
  redis.call('HSET', meta, 'trimmedAt', whole(nowMs))
  redis.call('XTRIM', log, 'MINID', '~', whole(nowMs - tonumber(ARGV[8])))
  local length = redis.call('XLEN', log)
  while length > 1 do
    local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    if bytes - tonumber(first[2][14]) <= maxBytes then break end
    length = math.floor(length * 0.9)
    redis.call('XTRIM', log, 'MAXLEN', length)
  end
end
return {whole(seq), 0}`)

/**
 * Finds the last sequence number of the log. KEYS: `logKeys`. ARGV: maximum age in ms; sequence number up to which the log was read (or
 * empty); highest known number (or empty); number to which the log fell back (or empty), which is recorded once for all readers. Returns
 * the last sequence number of the log, whether the log has unread entries, and a lower bound for the sequence numbers of later entries.
 */
export const open = script(`#!lua flags=allow-oom
${clock}${ending}
local log, meta, at = KEYS[1], KEYS[2], tonumber(ARGV[2])
if not at then redis.call('XTRIM', log, 'MINID', whole(nowMs - tonumber(ARGV[1]))) end
local state = redis.call('HMGET', meta, 'last', 'bytes', 'wentBackTo')
local bytes = tonumber(state[2]) or 0
local last = ending(log, meta, tonumber(state[1]), tonumber(ARGV[3]) or 0, bytes)
if ARGV[4] ~= '' and ARGV[4] ~= state[3] then last = markWentBack(log, meta, tonumber(ARGV[4]), math.max(last + 1, nowMs * 1000), bytes) end
local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
local more = 0
if newest then
  local ms, number = string.match(newest[1], '(%d+)-(%d+)')
  if ms * 1000 + number > (at or 0) then more = 1 end
end
return {whole(last), more, whole(math.max(last + 1, nowMs * 1000))}`)

/**
 * Saves a session that the given replica owns. KEYS: session. ARGV: owner, connection id, rooms, acknowledged sequence number, time to live
 * in ms, oldest accepted token, number of takeovers when this owner took over the session. The script returns 0 if another replica owns the
 * session and has at least as many takeovers as the caller. If the stored number of takeovers is lower than the caller's, the stored owner
 * is outdated and does not prevent the save; this happens only if Valkey restarted with older data.
 */
export const saveSession = script(`#!lua
local state = redis.call('HMGET', KEYS[1], 'owner', 'taken')
local taken = tonumber(state[2]) or 0
if state[1] and state[1] ~= ARGV[1] and taken >= tonumber(ARGV[7]) then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'connection', ARGV[2], 'rooms', ARGV[3], 'acked', ARGV[4], 'token', ARGV[6])
if tonumber(ARGV[7]) > taken then redis.call('HSET', KEYS[1], 'taken', ARGV[7]) end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1`)

/**
 * Deletes a session that the given replica owns. KEYS: session. ARGV: owner, time to live of the marker in ms. If the session was taken
 * over from another replica, a temporary marker remains in Valkey, so that a late save by the former owner does not restore the session.
 * The script returns 0 if another replica owns the session.
 */
export const endSession = script(`#!lua flags=allow-oom
local owner, taken = unpack(redis.call('HMGET', KEYS[1], 'owner', 'taken'))
if owner and owner ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if taken then
  redis.call('HSET', KEYS[1], 'owner', '', 'taken', taken)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1`)

/**
 * Takes a session over and notifies its former owner. KEYS: session. ARGV: new owner, time to live in ms, channel prefix, session id,
 * number of the client's token. Returns the session's stored data, its number of takeovers and its oldest accepted token; nil if the
 * session does not exist or the client's token is older than the oldest accepted one. The former owner of the session is notified of the
 * new number of takeovers. Each takeover by another replica raises the number of takeovers above the client's token number, so that this
 * number does not decrease even if Valkey restarts with older data.
 */
export const takeSession = script(`#!lua flags=allow-oom
local record = redis.call('HMGET', KEYS[1], 'owner', 'connection', 'rooms', 'acked', 'taken', 'token')
local former, shown, oldest = record[1], tonumber(ARGV[5]), tonumber(record[6]) or 0
if not former or former == '' or shown < oldest then return false end
local taken = tonumber(record[5]) or 0
if former ~= ARGV[1] then
  taken = math.max(taken, shown) + 1
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'taken', taken)
  redis.call('PUBLISH', ARGV[3] .. former, taken .. ' ' .. ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {record[2], record[3], record[4], taken, oldest}`)

/**
 * Stores a replica's load in the table of replicas. KEYS: table of replicas, presence of this replica, rollout marker. ARGV: name and load
 * of the replica, age in ms after which entries are deleted, time to live of the replica's presence in ms. Returns Valkey's time, whether
 * the replica's presence exists, all table entries with their times, and whether a rollout is under way.
 */
export const announce = script(`#!lua flags=allow-oom
${clock}
redis.call('HSET', KEYS[1], ARGV[1], whole(nowMs) .. ' ' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^%d+'))
  if nowMs - at > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return {whole(nowMs), redis.call('PEXPIRE', KEYS[2], ARGV[4]), all, redis.call('EXISTS', KEYS[3])}`)

export const scripts: readonly Script[] = [publish, open, saveSession, endSession, takeSession, announce]
