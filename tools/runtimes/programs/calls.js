// What makes calls and chats over a session, and nothing of an application.
import { call, chat } from 'nnrp-runtime/calls';

globalThis.used = [call, chat];
