// The storefront of the demo shop. It talks to the shop the way the official
// client does in session mode: every request carries the cookies, a bearer
// token only lives from the answer that brings it to the request that needs it,
// and nothing is stored in the browser.
'use strict';

const emailpass = '/auth/customer/emailpass';
const me = '/store/customers/me';

let customer = null; // who is logged in
let resetToken = ''; // from the fragment of the address, see takeResetToken

const byId = (id) => document.getElementById(id);

// ShopError is an answer that is not a success; its message is for the reader.
class ShopError extends Error {
	constructor(message, status) {
		super(message);
		this.status = status; // 0: there was no answer
	}
}

async function call(method, path, { body, token, accept = 'application/json' } = {}) {
	const headers = { accept, 'content-type': 'application/json' };
	if (token) {
		headers.authorization = `Bearer ${token}`;
	}
	let response;
	try {
		response = await fetch(path, { method, headers, credentials: 'include', body: JSON.stringify(body) });
	} catch {
		throw new ShopError('The shop cannot be reached.', 0);
	}
	if (!response.ok) {
		throw await failure(response);
	}
	return accept === 'application/json' ? response.json() : response.text();
}

async function failure(response) {
	let message = '';
	try {
		message = (await response.json()).message;
	} catch {
		// an answer of something in between, such as a proxy
	}
	message ||= response.statusText || `The shop answered ${response.status}.`;
	const seconds = Number.parseInt(response.headers.get('retry-after'), 10);
	if (seconds > 0) {
		message = `${message.replace(/\.$/, '')}. Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
	}
	return new ShopError(message, response.status);
}

// claimsOf reads a token. Whether it is genuine is for the server to say.
function claimsOf(token) {
	const payload = atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'));
	return JSON.parse(new TextDecoder().decode(Uint8Array.from(payload, (c) => c.charCodeAt(0))));
}

// actorOf returns the customer id in a token, '' while there is none.
const actorOf = (token) => claimsOf(token).actor_id;

async function authenticate(email, password) {
	const { token } = await call('POST', emailpass, { body: { email, password } });
	if (!token) {
		throw new ShopError('This account needs more than a password.', 200);
	}
	return token;
}

// registrationToken proves an e-mail and a password that are new, or those of an
// identity that exists, for instance an admin's who becomes a customer too.
async function registrationToken(email, password) {
	try {
		const { token } = await call('POST', `${emailpass}/register`, { body: { email, password } });
		return token;
	} catch (error) {
		if (error.message !== 'Identity with email already exists') {
			throw error;
		}
		return authenticate(email, password);
	}
}

async function register({ email, password, first_name, last_name }) {
	const token = await registrationToken(email, password);
	if (!actorOf(token)) {
		const body = { email, first_name: first_name || undefined, last_name: last_name || undefined };
		await call('POST', '/store/customers', { token, body });
	}
	await login({ email, password });
}

async function login({ email, password }) {
	const token = await authenticate(email, password);
	if (!actorOf(token)) {
		throw new ShopError('You are not a customer of this shop yet. Register with the same e-mail and password.', 200);
	}
	await enter(token);
}

async function enter(token) {
	await call('POST', '/auth/session', { token });
	await loadAccount();
	show('account', 'You are logged in.');
}

// signInWith sends the browser to somebody else's login page, see comeBack.
async function signInWith(provider) {
	const { location: there } = await call('POST', `/auth/customer/${provider}`);
	location.assign(there);
}

// comeBack ends a login that somebody else's page was part of. Whoever comes for
// the first time becomes a customer.
async function comeBack({ provider, query }) {
	let { token } = await call('GET', `/auth/customer/${provider}/callback?${query}`);
	if (!actorOf(token)) {
		const { email, given_name: first_name, family_name: last_name } = claimsOf(token).user_metadata;
		await call('POST', '/store/customers', { token, body: { email, first_name, last_name } });
		({ token } = await call('POST', '/auth/token/refresh', { token }));
	}
	await enter(token);
}

async function logout() {
	try {
		await call('DELETE', '/auth/session');
	} catch (error) {
		if (error.status !== 401) { // 401: the session was over already
			throw error;
		}
	}
	customer = null;
	show('login', 'You are logged out.');
}

async function forgot({ email }) {
	await call('POST', `${emailpass}/reset-password`, { accept: 'text/plain', body: { identifier: email } });
	say('If that address has an account, a reset link is on its way.');
}

async function reset({ password }) {
	await call('POST', `${emailpass}/update`, { token: resetToken, body: { password } });
	resetToken = '';
	await openShop('The password was changed.');
}

async function loadAccount() {
	const found = (await call('GET', me)).customer;
	const { orders } = await call('GET', `${me}/orders`);
	customer = found;
	byId('account-name').textContent = [customer.first_name, customer.last_name].filter(Boolean).join(' ') || 'not given';
	byId('account-email').textContent = customer.email;
	byId('account-id').textContent = customer.id;
	byId('orders').replaceChildren(...orders.map((order) => element('li',
		`No. ${order.display_id}: ${order.items.map((item) => `${item.quantity} × ${item.title}`).join(', ')} (${order.status})`)));
}

// loadProviders offers a button for every login page of somebody else. Without
// them there is still the password.
async function loadProviders() {
	let offered = [];
	try {
		offered = (await call('GET', '/auth/customer/providers')).providers.filter(({ flow }) => flow === 'redirect');
	} catch {
		// the form says what is wrong
	}
	byId('providers').replaceChildren(...offered.map(({ id, display_name }) => {
		const button = element('button', `Sign in with ${display_name}`);
		Object.assign(button, { type: 'button', onclick: () => run(button, () => signInWith(encodeURIComponent(id))) });
		button.dataset.testid = `sign-in-${id}`;
		return button;
	}));
}

// loadProducts shows what there is, or that it cannot be shown: the rest of the
// page does not depend on it.
async function loadProducts() {
	let entries;
	try {
		const { products } = await call('GET', '/store/products');
		entries = products.map((product) => {
			const entry = element('li', '');
			entry.append(element('h3', product.title), element('p', product.description));
			return entry;
		});
	} catch {
		entries = [element('li', 'The products cannot be shown right now.')];
	}
	byId('products').replaceChildren(...entries);
}

function element(name, text) {
	const made = document.createElement(name);
	made.textContent = text;
	return made;
}

function say(status, alert = '') {
	byId('status').textContent = status;
	byId('alert').textContent = alert;
}

// show makes one view the visible one and names it in the address, without a
// new entry in the history: only links make those.
let shown = '';
function show(view, status = '', alert = '') {
	for (const section of document.querySelectorAll('[id^="view-"]')) {
		section.hidden = section.id !== `view-${view}`;
	}
	for (const entry of document.querySelectorAll('[data-when]')) {
		entry.hidden = entry.dataset.when !== (customer ? 'signed-in' : 'signed-out');
	}
	byId('retry').hidden = true;
	const title = byId(`title-${view}`);
	document.title = `${title.textContent} | Harbour Supply`;
	history.replaceState(null, '', `#${view}`);
	say(status, alert);
	if (shown && shown !== view) {
		title.focus(); // what had the focus is hidden now
	}
	shown = view;
}

// takeResetToken reads `#reset_token=…` and takes it out of the address, so
// that it stays neither there nor in the history. A fragment is never sent to a
// server, so it is in no log either.
function takeResetToken() {
	const token = new URLSearchParams(location.hash.slice(1)).get('reset_token');
	if (token) {
		resetToken = token;
		history.replaceState(null, '', '#reset');
	}
}

// takeReturn reads what a login page of somebody else sent the browser back with,
// and takes it out of the address and the history.
function takeReturn() {
	const query = new URLSearchParams(location.search);
	const provider = query.get('auth_provider');
	if (!provider || !query.has('state')) {
		return null;
	}
	query.delete('auth_provider');
	history.replaceState(null, '', location.pathname);
	return { provider: encodeURIComponent(provider), query };
}

// route returns the view that the address asks for, as far as it makes sense.
function route() {
	takeResetToken();
	const wanted = location.hash.slice(1);
	if (wanted === 'reset' && resetToken) {
		return 'reset';
	}
	if (customer) {
		return 'account';
	}
	return ['register', 'forgot'].includes(wanted) ? wanted : 'login';
}

// openShop asks who is logged in. 401 means nobody; when the shop cannot tell,
// the page does not pretend to know either and offers to ask again.
async function openShop(status = '') {
	customer = null;
	try {
		await loadAccount();
	} catch (error) {
		if (error.status === 404) { // the shop has forgotten the customer
			await logout();
			show('login', '', error.message);
			return;
		}
		if (error.status !== 401) {
			byId('retry').hidden = false;
			throw error;
		}
	}
	show(route(), status);
}

// run does one thing at a time and reports what went wrong.
let busy = false;
async function run(origin, action) {
	if (busy) {
		return;
	}
	busy = true;
	origin.setAttribute('aria-busy', 'true');
	say('');
	try {
		await action();
	} catch (error) {
		if (!(error instanceof ShopError)) {
			console.error(error);
		}
		say('', error instanceof ShopError ? error.message : 'Something went wrong on this page.');
	} finally {
		busy = false;
		origin.removeAttribute('aria-busy');
	}
}

for (const [name, action] of Object.entries({ login, register, forgot, reset })) {
	const form = byId(`form-${name}`);
	form.addEventListener('submit', (event) => {
		event.preventDefault();
		run(form, async () => {
			await action(Object.fromEntries(new FormData(form)));
			form.reset(); // no password stays on the page
		});
	});
}
byId('logout').addEventListener('click', (event) => run(event.currentTarget, logout));
byId('retry').addEventListener('click', (event) => run(event.currentTarget, async () => {
	await Promise.all([openShop(), loadProducts(), loadProviders()]);
}));
window.addEventListener('hashchange', () => show(route()));

takeResetToken();
const returned = takeReturn();
run(document.body, async () => {
	if (!returned) {
		await openShop();
		return;
	}
	try {
		await comeBack(returned);
	} catch (error) {
		await openShop(); // perhaps somebody is logged in
		throw error;
	}
});
loadProducts();
loadProviders();
