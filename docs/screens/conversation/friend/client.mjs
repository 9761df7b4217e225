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
  container.append(new RoomView(vm, viewClassForTile).mount());
};
