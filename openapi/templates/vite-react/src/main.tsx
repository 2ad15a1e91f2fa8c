import { createClient } from '@sallyport/client'
import { SallyportProvider } from '@sallyport/react'
import '@sallyport/react/styles.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app'
import './style.css'

const { VITE_SALLYPORT_PROJECT_ID: projectId, VITE_SALLYPORT_URL: baseUrl } = import.meta.env
const client = createClient({ baseUrl, projectId, projectUserAuth: { transport: 'cookie' } })

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <SallyportProvider client={client}>
      <App />
    </SallyportProvider>
  </StrictMode>,
)
