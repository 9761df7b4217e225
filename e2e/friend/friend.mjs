// A Matrix friend for the end-to-end tests: matrix-js-sdk with its Rust
// cryptography. It takes commands as lines of JSON on standard input, answers
// each with a line, and reports what it sees as lines in between.
import readline from "node:readline";

for (const level of ["log", "info", "debug", "warn", "error", "trace"]) {
    console[level] = (...args) => process.stderr.write(args.map(String).join(" ").slice(0, 500) + "\n");
}
const sdk = await import("matrix-js-sdk");
const { logger } = await import("matrix-js-sdk/lib/logger.js");
logger.setLevel?.("warn");
const api = await import("matrix-js-sdk/lib/crypto-api/index.js");

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
let client, password;

// report tells of a timeline event once it is clear what it says.
function report(event) {
    if (event.isState() || event.isBeingDecrypted()) return;
    say({ saw: "event", room: event.getRoomId(), id: event.getId(), sender: event.getSender(), type: event.getType(),
        body: event.getContent().body ?? "", msgtype: event.getContent().msgtype ?? "", encrypted: event.isEncrypted(),
        failed: event.isDecryptionFailure() });
}

// until waits for what an event of the client makes true.
function until(kind, look) {
    return new Promise((done) => {
        const check = () => { if (look()) { client.off(kind, check); done(); } };
        client.on(kind, check);
        check();
    });
}

const commands = {
    async start({ url, user, pass, strict, recover }) {
        password = pass;
        const login = await sdk.createClient({ baseUrl: url }).loginRequest({ type: "m.login.password",
            identifier: { type: "m.id.user", user }, password: pass });
        client = sdk.createClient({ baseUrl: url, userId: login.user_id, accessToken: login.access_token, deviceId: login.device_id });
        await client.initRustCrypto({ useIndexedDB: false });
        const crypto = client.getCrypto();
        if (strict) crypto.setDeviceIsolationMode(new api.OnlySignedDevicesIsolationMode());
        client.on("Room.timeline", (event) => { if (!event.isEncrypted() || event.getClearContent()) report(event); });
        client.on("Event.decrypted", report);
        client.on("RoomMember.membership", (event, member) => say({ saw: "member", room: member.roomId, user: member.userId,
            membership: member.membership, name: member.name, sender: event.getSender(), direct: !!event.getContent().is_direct }));
        client.on("RoomMember.typing", (event, member) => say({ saw: "typing", room: member.roomId, user: member.userId, on: member.typing }));
        client.on("Room.receipt", (event, room) => {
            for (const [id, kinds] of Object.entries(event.getContent()))
                for (const user of Object.keys(kinds["m.read"] ?? {})) say({ saw: "receipt", room: room.roomId, user, id });
        });
        client.on("User.presence", (event, user) => say({ saw: "presence", user: user.userId, presence: user.presence }));
        const ready = new Promise((done) => client.on("sync", (state) => { if (state === "PREPARED") done(); }));
        await client.startClient({ initialSyncLimit: 20, pollTimeout: 5000 });
        await ready;
        if (recover) {
            await crypto.bootstrapCrossSigning({ setupNewCrossSigning: true, authUploadDeviceSigningKeys: (request) => request({
                type: "m.login.password", identifier: { type: "m.id.user", user: login.user_id }, user: login.user_id, password }) });
        }
        return { user: login.user_id, device: login.device_id };
    },
    async invite({ user, encrypted, direct, name }) {
        const state = encrypted ? [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2", ...encrypted } }] : [];
        const made = await client.createRoom({ preset: "trusted_private_chat", is_direct: direct !== false, invite: [user], initial_state: state, name });
        // Who writes before the client knows whom it has invited, writes with a key
        // that they never get: as people do, it waits until it shows the room.
        await until("RoomState.events", () => client.getRoom(made.room_id)?.getMember(user) &&
            (!encrypted || client.getRoom(made.room_id).hasEncryptionStateEvent()));
        return { room: made.room_id };
    },
    async send({ room, body }) {
        return { id: (await client.sendMessage(room, { msgtype: "m.text", body })).event_id };
    },
    async event({ room, type, content }) { return { id: (await client.sendEvent(room, type, content)).event_id }; },
    async redact({ room, id }) { return { id: (await client.redactEvent(room, id)).event_id }; },
    async encrypt({ room }) {
        await client.sendStateEvent(room, "m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" }, "");
        await until("RoomState.events", () => client.getRoom(room).hasEncryptionStateEvent());
        return {};
    },
    async join({ room }) {
        await client.joinRoom(room);
        await until("RoomMember.membership", () => client.getRoom(room)?.getMember(client.getUserId())?.membership === "join");
        return {};
    },
    async leave({ room }) { await client.leave(room); return {}; },
    async again({ room, user }) { await client.invite(room, user); return {}; },
    async discard({ room }) { await client.getCrypto().forceDiscardSession(room); return {}; },
    async typing({ room, on }) { await client.sendTyping(room, on, 20000); return {}; },
    async presence({ presence }) { await client.setSyncPresence(presence); await client.setPresence({ presence }); return {}; },
    // shield is the warning that a client shows at a message, when it knows the writer's devices.
    async shield({ room, id, user }) {
        await client.getCrypto().getUserDeviceInfo([user], true);
        const info = await client.getCrypto().getEncryptionInfoForEvent(client.getRoom(room).findEventById(id));
        return { shield: info.shieldColour === api.EventShieldColour.NONE ? "none" : `colour ${info.shieldColour} reason ${info.shieldReason}` };
    },
    // timeline lists what a user wrote, in the room's order.
    async timeline({ room, user }) {
        const all = client.getRoom(room).getLiveTimeline().getEvents().filter((e) => e.getSender() === user && !e.isState() && !e.isRelation("m.replace"));
        return { bodies: all.map((e) => e.getContent().body ?? "") };
    },
    async devices({ user }) {
        const all = (await client.getCrypto().getUserDeviceInfo([user], true)).get(user) ?? new Map();
        return { devices: [...all.keys()] };
    },
    // claim takes one-time keys of a user's device, as somebody would who writes often.
    async claim({ user, device, count }) {
        const kinds = [];
        for (let i = 0; i < count; i++) {
            const got = await client.claimOneTimeKeys([[user, device]], "signed_curve25519");
            const keys = Object.values(got.one_time_keys?.[user]?.[device] ?? {});
            kinds.push(keys.length === 0 ? "none" : keys[0].fallback ? "fallback" : "once");
        }
        return { kinds };
    },
    async stop() { client.stopClient(); setTimeout(() => process.exit(0), 50); return {}; },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
    const { n, cmd, ...args } = JSON.parse(line);
    commands[cmd](args).then((answer) => say({ n, ...answer }), (err) => say({ n, error: String(err?.stack ?? err) }));
}
process.exit(0);
