// The friend's Matrix client: Hydrogen, as its makers publish it for use in pages.
import { Client, FeatureSet, LoadStatus, Platform, RoomView, RoomViewModel, createNavigation, createRouter, viewClassForTile } from "hydrogen-view-sdk";

// Signs in and shows a room that the friend is in.
window.show = async (homeserver, user, password, id) => {
  const container = document.getElementById("app");
  // Without assetPaths.olm it has no encryption, which this room does not need.
  const platform = new Platform({ container, assetPaths: { serviceWorker: "sw.js" }, config: {}, options: {} });
  const navigation = createNavigation();
  platform.setNavigation(navigation);
  await platform.init();
  const urlRouter = createRouter({ navigation, history: platform.history });
  urlRouter.attach();
  const client = new Client(platform);
  const login = await client.queryLogin(homeserver).result;
  client.startWithLogin(login.password(user, password));
  const ends = [LoadStatus.Ready, LoadStatus.Error, LoadStatus.LoginFailed];
  await client.loadStatus.waitFor(s => ends.includes(s)).promise;
  if (client.loginFailure || client.loadError) throw client.loadError ?? new Error("login: " + client.loginFailure);
  const { session } = client;
  const features = await FeatureSet.load(platform.settingsStorage);
  const vm = new RoomViewModel({ room: session.rooms.get(id), ownUserId: session.userId, session, platform, urlRouter, navigation, features });
  await vm.load();
  // Reacts to the message with this text.
  window.react = async (text, emoji) => {
    for (const tile of vm.timelineViewModel.tiles) if (tile.body?.sourceString === text) return tile.react(emoji);
    throw new Error("no such message: " + text);
  };
  container.append(new RoomView(vm, viewClassForTile).mount());
};

// How far the message with this text stands below its place in the picture, which is
// below the day that Hydrogen keeps at the top. What came before is that people joined.
const gap = 11; // pixels; with this the day hides the line before
window.above = text => {
  const first = [...document.querySelectorAll(".Timeline_message")].find(m => m.textContent.includes(text));
  const day = document.querySelector(".DateHeader time").getBoundingClientRect();
  const top = document.querySelector(".Timeline_scroller").getBoundingClientRect().top;
  return Math.round(first.getBoundingClientRect().top - top - day.height - gap);
};
