// @sallyport/react-native: what @sallyport/client needs on React Native and Expo. The platform's modules are given to it, so that
// it depends on none.
export { BrowserSignInError, type CryptoModule, signInWithBrowser, type WebBrowserModule } from './browser.js'
export { type PasskeysModule, passkeyAuthenticator } from './passkeys.js'
export { type SecureStoreModule, secureStorage } from './storage.js'
