/** Serves the page that is recorded, only on the loopback interface. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}
const files: Record<string, string> = { '/': 'index.html', '/screen.css': 'screen.css', '/screen.js': 'screen.js' }

/** Starts the server. With port 0, the system selects a free port. Rejects if the port is already in use. */
export function serveScreen(port: number): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const file = files[request.url ?? '']
    if (file === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[file.split('.').at(-1) ?? ''] ?? 'text/plain', 'cache-control': 'no-store' })
    response.end(pageFile(file))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const close = () => {
        server.close()
        server.closeAllConnections()
      }
      resolve({ url: `http://localhost:${(server.address() as AddressInfo).port}/`, close })
    })
  })
}

/** Reads a text file from the `page` folder, which contains the files of the recorded page. */
export const pageFile = (name: string): string => readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8')
