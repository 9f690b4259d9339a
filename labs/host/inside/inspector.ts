/** Makes one call to an open Node inspector, and then closes the inspector. */

/**
 * Evaluates an expression in the Node process whose inspector listens on `port`, and then closes that inspector. The source code of
 * `evaluateAt` may also run in another process, so it must not use anything defined outside the function body.
 */
export async function evaluateAt(port: number, code: string): Promise<void> {
  const answerWithinMs = 20_000
  const answer = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: AbortSignal.timeout(answerWithinMs) })
  const [target] = (await answer.json()) as { webSocketDebuggerUrl: string }[]
  if (target === undefined) throw new Error('the inspector lists no process')
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  try {
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error('the inspector refuses the connection'))
    })
    const close = "setTimeout(() => process.getBuiltinModule('node:inspector').close(), 200).unref(); 0"
    for (const [id, expression] of [code, close].entries()) {
      const said: { error?: object; result?: { exceptionDetails?: object } } = await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no answer within ${answerWithinMs} ms`)), answerWithinMs)
        socket.onmessage = ({ data }) => {
          const answer = JSON.parse(String(data))
          if (answer.id !== id) return
          clearTimeout(timer)
          resolve(answer)
        }
        socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params: { expression } }))
      })
      const wrong = said.error ?? said.result?.exceptionDetails
      if (wrong !== undefined) throw new Error(JSON.stringify(wrong))
    }
  } finally {
    socket.close()
  }
}
