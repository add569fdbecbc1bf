// The client and its transport, and nothing of an application.
import { NnrpClient } from 'nnrp-runtime';
import { connectWebSocket } from 'nnrp-transport-websocket';

globalThis.used = [NnrpClient, connectWebSocket];
