// @ts-check
/** Computes the labels, bars and lines of the live page from the lab's state. Pure. */

/**
 * @typedef {{ id: string, state: 'starting' | 'ready' | 'draining' | 'silent', connections: number }} ReplicaView
 * @typedef {{ current: number | null, min: number, max: number, paused: boolean, targetConnections: number | null }} Scaler
 * @typedef {{ atMs: number, value: number | null }} Point
 */

/** Rounds a number and formats it with thousands separators, such as 5,000. @param {number} value */
export const whole = (value) => Math.round(value).toLocaleString('en')

/**
 * Formats a duration, given in milliseconds, with two or three digits and a unit, such as 8.4 ms, 230 ms or 44.8 s.
 * @param {number | null} ms
 */
export function duration(ms) {
  if (ms === null) return '–'
  if (ms < 999.5) return `${ms < 10 && ms > 0 ? ms.toFixed(1) : Math.round(ms)}\u00a0ms`
  return ms < 99_950 ? `${(ms / 1000).toFixed(1)}\u00a0s` : `${whole(ms / 1000)}\u00a0s`
}

/**
 * Returns the maximum of a chart axis: the given value, rounded up to 1, 2, 4, 6, 8 or 10 times a power of ten.
 * @param {number} value
 */
export function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  const factor = [1, 2, 4, 6, 8].find((one) => one * power >= value) ?? 10
  return factor * power
}

/**
 * Returns the value at the right end of every bar. The bars of all replicas use the same scale, so the target mark has the same position in
 * each of them.
 * @param {readonly ReplicaView[]} replicas
 * @param {number | null} target
 */
export function barTop(replicas, target) {
  return niceTop(Math.max((target ?? 0) * 1.25, ...replicas.map(({ connections }) => connections), 4))
}

/**
 * Returns the parts of a replica's bar as percentages of its width, and the number of sockets above the target.
 * @param {number} connections
 * @param {number | null} target
 * @param {number} top
 */
export function bar(connections, target, top) {
  const over = target === null ? 0 : Math.max(0, connections - target)
  return { within: ((connections - over) / top) * 100, above: (over / top) * 100, over }
}

/** The scaler adds no replicas at up to 1.1 times the target, because the HPA's default tolerance is 10 %. */
const tolerance = 1.1

/**
 * Summarises the serving replicas: their average number of sockets, and how it compares with the target.
 * @param {readonly ReplicaView[]} replicas
 * @param {Scaler | null} scaler
 * @returns {{ total: number, room: number | null, level: 'idle' | 'within' | 'uneven' | 'above' | 'full', text: string }}
 */
export function summary(replicas, scaler) {
  const serving = replicas.filter(({ state }) => state === 'ready' || state === 'silent')
  const socketsOf = (/** @type {readonly ReplicaView[]} */ some) => some.reduce((sum, { connections }) => sum + connections, 0)
  if (socketsOf(replicas) === 0) return { total: 0, room: roomOf(serving.length, scaler), level: 'idle', text: 'No socket is open yet.' }
  // This total does not include a draining replica's sockets; they are counted once they have moved to other replicas.
  const total = socketsOf(serving)
  const target = scaler?.targetConnections ?? null
  const room = roomOf(serving.length, scaler)
  const count = `${whole(total)} sockets on ${serving.length} ${serving.length === 1 ? 'replica' : 'replicas'}`
  const text = serving.length === 0 ? count : `${count}: ${whole(total / serving.length)} per replica on average`
  if (target === null || scaler === null) return { total, room, level: 'within', text: `${text}.` }
  const needed = Math.ceil(total / target)
  if (needed > scaler.max)
    return {
      total,
      room,
      level: 'full',
      text: `Overload: ${whole(total)} sockets need ${needed} replicas, and maxReplicas is ${scaler.max}.`,
    }
  if (total > serving.length * target * tolerance)
    return { total, room, level: 'above', text: `${text}, and the target is ${whole(target)}.` }
  const over = serving.filter(({ connections }) => connections > target * tolerance).length
  if (over === 0) return { total, room, level: 'within', text: `${text}, which is within the target of ${whole(target)}.` }
  return {
    total,
    room,
    level: 'uneven',
    text: `${text}, but uneven: ${over} of ${serving.length} hold more than the target of ${whole(target)}.`,
  }
}

/** Returns the target number of sockets for all serving replicas together. @param {number} serving @param {Scaler | null} scaler */
const roomOf = (serving, scaler) => (scaler?.targetConnections == null ? null : serving * scaler.targetConnections)

/**
 * Returns a hint that shows first-time visitors to the page what to do next.
 * @param {{ replicas: readonly ReplicaView[], scaler: Scaler | null, shared: boolean, load: { wanted: number } }} lab
 * @param {boolean} canKill
 */
export function guide({ replicas, scaler, shared, load }, canKill) {
  const { total, level } = summary(replicas, scaler)
  if (total === 0 && load.wanted === 0)
    return scaler === null
      ? 'Press the button “500 sockets”, and see how Traefik distributes them over the replicas.'
      : 'Press the button “500 sockets”. That is more than the replicas should hold, so the scaler adds replicas.'
  if (scaler === null)
    return 'No scaler runs, so the number of replicas stays as it is. A command below starts one; another sets the number by hand.'
  if (scaler.paused) return 'The scaler is paused: it decides, and changes nothing until it is resumed.'
  if (level === 'full') return 'There are more sockets than the largest number of replicas should hold. Ask for fewer, or raise the target.'
  if (replicas.some(({ state }) => state === 'starting'))
    return 'New replicas are starting. The router sends them new sockets as soon as they are ready.'
  if (level === 'above') return 'The replicas hold more sockets than their target. The scaler adds replicas with its next decision.'
  if (total < load.wanted * 0.9) return 'Sockets are being opened.'
  if (level === 'uneven' && shared)
    return 'Fuller replicas now ask some of their clients to reconnect, so that the new replicas fill. Their sessions move with them.'
  return canKill
    ? 'Now press “Kill” beside a replica: its sockets reconnect through the router to the others, and the scaler adds one where it is needed.'
    : 'Now kill a replica with the command below: its sockets reconnect through the router to the others.'
}

/** The geometry of a chart, in units of its SVG view box. */
export const box = { width: 320, height: 130, left: 46, right: 312, top: 8, bottom: 108 }
/** The time span that a chart covers. Milliseconds. */
export const spanMs = 120_000

/** Returns the vertical position of a value in a chart. @param {number} value @param {number} top */
export const yOf = (value, top) => box.bottom - (value / top) * (box.bottom - box.top)
/** @param {number} atMs @param {number} nowMs */
export const xOf = (atMs, nowMs) => box.right - ((nowMs - atMs) / spanMs) * (box.right - box.left)

/**
 * Returns an SVG path through the points, with gaps at unknown values.
 * @param {readonly Point[]} points the points of the line, oldest first
 * @param {number} nowMs
 * @param {number} top
 * @param {boolean} stepped
 */
export function line(points, nowMs, top, stepped) {
  let path = ''
  let open = false
  for (const { atMs, value } of points) {
    if (value === null || nowMs - atMs > spanMs) {
      open = false
      continue
    }
    const x = xOf(atMs, nowMs).toFixed(1)
    const y = yOf(value, top).toFixed(1)
    path += !open ? `M${x},${y}` : stepped ? `H${x}V${y}` : `L${x},${y}`
    open = true
  }
  return path
}
