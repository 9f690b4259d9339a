/**
 * What Valkey does in one step, as Lua. A script runs alone: nothing comes between its reads and its writes.
 * Every structure is bounded: the log in number, bytes and age; what is only looked up (keys of messages, offsets of rooms)
 * lives in two generations, and when the young one is full or old it takes the place of the old one.
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
  /** Stream of room messages. */
  log: 'lab:log',
  /** Hash: last place given, bytes ever stored, begin of the young generations. */
  meta: 'lab:log:meta',
  /** Hashes: key of a message → its place. */
  places: 'lab:log:places',
  placesBefore: 'lab:log:places:before',
  /** Hashes: room → its last offset. */
  offsets: 'lab:log:offsets',
  offsetsBefore: 'lab:log:offsets:before',
  session: (id: string) => `lab:session:${id}`,
  /** Channel on which a replica hears of sessions taken from it. */
  taken: (instance: string) => `lab:taken:${instance}`,
  /** Hash: replica → what it says of itself. */
  replicas: 'lab:replicas',
  /** Hash: room → members at one replica. */
  presence: (instance: string) => `lab:presence:${instance}`,
}

export const logKeys = [keys.log, keys.meta, keys.places, keys.placesBefore, keys.offsets, keys.offsetsBefore]

const clock = `
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
`

/** Bounds of what is looked up only, by number of entries. Some 100 bytes each, and two generations. */
const placesKept = 150_000
const roomsKept = 25_000
/** A room in which nothing is said for this long begins to count anew, sooner or later. Milliseconds. */
const roomsAgeMs = 3_600_000

/**
 * Stores a message, once. KEYS as in \`logKeys\`; ARGV: room, head, time of publishing, key, place that the publisher knows of,
 * most messages, most bytes, greatest age in ms, traceparent if it is traced. Returns place, whether it was there before.
 * It may use more than maxmemory (allow-oom): being bounded itself, it must not fail because something else is not.
 */
export const publish = script(`#!lua flags=allow-oom
local log, meta, places, placesBefore, offsets, offsetsBefore = unpack(KEYS)
local room, head, publishedAtMs, key, known = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local before = redis.call('HGET', places, key) or redis.call('HGET', placesBefore, key)
if before then return {before, 1} end
${clock}
local state = redis.call('HMGET', meta, 'last', 'bytes', 'placesSince', 'offsetsSince', 'trimmedAt')

local function rotate(young, old, field, since, most, ageMs)
  if since and redis.call('HLEN', young) < most and nowMs - since < ageMs then return end
  redis.call('UNLINK', old)
  if redis.call('EXISTS', young) == 1 then redis.call('RENAME', young, old) end
  redis.call('HSET', meta, field, whole(nowMs))
end
rotate(places, placesBefore, 'placesSince', tonumber(state[3]), ${placesKept}, tonumber(ARGV[8]))
rotate(offsets, offsetsBefore, 'offsetsSince', tonumber(state[4]), ${roomsKept}, ${roomsAgeMs})

-- Places grow, whatever clocks do, and also when everything here was lost.
local last = tonumber(state[1])
if not last then
  last = nowMs * 1000
  -- A clock that was ahead: begin beyond what anybody has read, who may be ahead of the publisher.
  if last <= known then last = known + 60000 * 1000 end
end
local seq = math.max(last + 1, nowMs * 1000, known + 1)
local bytes = (tonumber(state[2]) or 0) + #head
if redis.call('HEXISTS', offsets, room) == 0 then
  local earlier = redis.call('HGET', offsetsBefore, room)
  if earlier then redis.call('HSET', offsets, room, earlier) end
end
local offset = redis.call('HINCRBY', offsets, room, 1)
local id = whole(math.floor(seq / 1000)) .. '-' .. whole(seq % 1000)
local entry = {'room', room, 'head', head, 'at', publishedAtMs, 'offset', offset, 'after', whole(last), 'key', key, 'bytes', whole(bytes)}
if ARGV[9] then entry[15], entry[16] = 'trace', ARGV[9] end
redis.call('XADD', log, 'MAXLEN', '~', ARGV[6], id, unpack(entry))
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

/** Opens the log for a reader that knows nothing yet. KEYS as in \`logKeys\`; ARGV: greatest age in ms. Returns the last place given. */
export const open = script(`#!lua flags=allow-oom
${clock}
redis.call('XTRIM', KEYS[1], 'MINID', whole(nowMs - tonumber(ARGV[1])))
redis.call('HSETNX', KEYS[2], 'last', whole(nowMs * 1000))
return redis.call('HGET', KEYS[2], 'last')`)

/** Keeps a session of this owner. KEYS: session; ARGV: owner, connection id, rooms, acked place, ms to live. Returns 0 when it is another's. */
export const saveSession = script(`#!lua
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'connection', ARGV[2], 'rooms', ARGV[3], 'acked', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1`)

/**
 * Ends a session of this owner. KEYS: session; ARGV: owner, ms. What was taken from another replica leaves its owner's place
 * taken for so long, so that what the other one saves late does not bring it back. Returns 0 when it is another's.
 */
export const endSession = script(`#!lua flags=allow-oom
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return 0 end
local taken = redis.call('HEXISTS', KEYS[1], 'taken') == 1
redis.call('DEL', KEYS[1])
if taken then
  redis.call('HSET', KEYS[1], 'owner', '')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1`)

/**
 * Takes a session and tells who had it. KEYS: session; ARGV: new owner, ms to live, prefix of the channels, session id.
 * Returns what is stored and how often it has been taken from somebody, or nil. Who had it hears the same number.
 */
export const takeSession = script(`#!lua flags=allow-oom
local record = redis.call('HMGET', KEYS[1], 'owner', 'connection', 'rooms', 'acked', 'taken')
local former = record[1]
if not former or former == '' then return false end
local taken = tonumber(record[5]) or 0
if former ~= ARGV[1] then
  taken = taken + 1
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'taken', taken)
  redis.call('PUBLISH', ARGV[3] .. former, taken .. ' ' .. ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {record[2], record[3], record[4], taken}`)

/**
 * Tells how a replica is. KEYS: replicas, presence of this replica; ARGV: replica, what it says, ms after which one is forgotten,
 * ms its presence lives. Returns Valkey's time, whether the presence is still there, and all replicas with what they said and when.
 */
export const announce = script(`#!lua flags=allow-oom
${clock}
redis.call('HSET', KEYS[1], ARGV[1], whole(nowMs) .. ' ' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^%d+'))
  if nowMs - at > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return {whole(nowMs), redis.call('PEXPIRE', KEYS[2], ARGV[4]), all}`)

export const scripts: readonly Script[] = [publish, open, saveSession, endSession, takeSession, announce]
