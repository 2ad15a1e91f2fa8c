export const load = ({ locals }) => ({ isSignedIn: locals.session !== null })
